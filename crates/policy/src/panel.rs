use std::sync::{Arc, LazyLock};

use skywarden_model::{Carried, Resource, Timestamp};
use skywarden_rule::{Around, Asking, CompileError, Entry, Glance, Ground, Input, Parameters, Rule};

use crate::{Answer, Bound, Decision, Details, Effect, Neighbours, Verdict, arm::requested_one, door};

/// Definitions that are asked about the texts of many ARM resources, each of which is read only as far as they ask.
///
/// What they say is what they say of the resource read as a whole; that is what is read where one of them asks for more than its
/// members (a related resource, a change, a computed name), or where it is not written plainly.
#[derive(Debug)]
pub struct Panel<'a> {
    bound: Vec<Bound<'a>>,
    asking: Asking,
    /// Whether a glance is enough for all of them, as resources that exist are judged.
    judges_at_a_glance: bool,
    /// The same for requests.
    rules_at_a_glance: bool,
}

/// What the definitions of a panel say of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelRuling {
    /// The resource's id; its name, if it has none.
    pub id: String,
    /// The resource's type.
    pub type_name: String,
    /// What each definition says, in the order in which they were given.
    pub decisions: Vec<Decision>,
}

/// A resource as a panel judges it, read as far as its definitions ask.
#[derive(Debug)]
pub struct Subject<'p> {
    bound: &'p [Bound<'p>],
    sight: Sight<'p>,
}

/// What is read of a resource.
#[derive(Debug)]
enum Sight<'t> {
    Glance(Glance<'t>),
    Whole(Resource),
}

/// What glances are judged with: all that is asked of a resource is in the glance.
static NOTHING: LazyLock<Resource> = LazyLock::new(|| Resource { carried: Carried::All, ..Resource::unknown() });

static NO_PARAMETERS: Parameters = Parameters::new();

impl<'a> Panel<'a> {
    /// A panel of definitions with their values.
    pub fn new(mut bound: Vec<Bound<'a>>) -> Self {
        let mut rules: Vec<Rule> = bound.iter().map(|own| Rule::clone(&own.condition)).collect();
        let asking = Asking::of(&mut rules);
        for (own, rule) in bound.iter_mut().zip(rules) {
            own.condition = Arc::new(rule);
        }
        let changes = |own: &Bound<'_>| matches!(own.effect, Effect::Append | Effect::Modify);
        let looks = |own: &Bound<'_>| matches!(own.definition.rule.details, Details::Existence(_));
        let takes_glances = bound.iter().all(|own| own.condition.takes_glances());
        Self {
            judges_at_a_glance: takes_glances && !bound.iter().any(looks),
            rules_at_a_glance: takes_glances && !bound.iter().any(changes),
            bound,
            asking,
        }
    }

    /// The definitions, in the order in which they were given.
    pub fn definitions(&self) -> &[Bound<'a>] {
        &self.bound
    }

    /// Reads the text of a resource, as far as it takes to judge it.
    ///
    /// # Errors
    /// Every mistake in the text, each with its place.
    pub fn subject<'p>(&'p self, text: &'p str) -> Result<Subject<'p>, Vec<CompileError>> {
        Ok(Subject { bound: &self.bound, sight: self.look(text, self.judges_at_a_glance)? })
    }

    /// Judges a resource by every definition, in the order in which they were given; [`Subject::verdicts`] for those who store them.
    ///
    /// # Errors
    /// Every mistake in the text, each with its place.
    pub fn judge(
        &self,
        text: &str,
        around: Option<&Around>,
        now: Timestamp,
        neighbours: &dyn Neighbours,
    ) -> Result<Vec<Verdict>, Vec<CompileError>> {
        let subject = self.subject(text)?;
        Ok(subject.verdicts(around, now, neighbours).map(Verdict::into_owned).collect())
    }

    /// Rules on a request by every definition, as [`rule_on`](crate::rule_on) does.
    pub fn rule(&self, resource: &Resource, around: Option<&Around>, now: Timestamp) -> PanelRuling {
        let input = Input { resource, facts: None, parameters: &NO_PARAMETERS, around, now };
        PanelRuling::of(resource, door::rule_on(&self.bound, &input).decisions)
    }

    /// The same of the text of one ARM resource.
    ///
    /// # Errors
    /// Every mistake in the text, each with its place.
    pub fn rule_text(&self, text: &str, around: Option<&Around>, now: Timestamp) -> Result<PanelRuling, Vec<CompileError>> {
        Ok(match self.look(text, self.rules_at_a_glance)? {
            Sight::Whole(resource) => self.rule(&resource, around, now),
            Sight::Glance(glance) => {
                let decided = |own: &Bound<'_>| {
                    let input = Input { resource: &NOTHING, facts: None, parameters: &own.parameters, around, now };
                    door::decide(own, Ground::glanced(input, &glance)).0
                };
                let decisions = self.bound.iter().map(decided).collect();
                PanelRuling { id: glance.id.to_owned(), type_name: glance.type_name.to_owned(), decisions }
            }
        })
    }

    fn look<'t>(&self, text: &'t str, is_glance_enough: bool) -> Result<Sight<'t>, Vec<CompileError>> {
        let glance = if is_glance_enough { self.asking.glance(text) } else { None };
        glance.map_or_else(|| requested_one(text).map(Sight::Whole), |glance| Ok(Sight::Glance(glance)))
    }
}

impl PanelRuling {
    /// Whether one of the definitions refuses the request.
    pub fn is_denied(&self) -> bool {
        self.decisions.iter().any(|decision| matches!(decision.answer, Answer::Denied(_)))
    }

    fn of(resource: &Resource, decisions: Vec<Decision>) -> Self {
        Self { id: resource.id.to_string(), type_name: resource.type_name.to_string(), decisions }
    }
}

impl Subject<'_> {
    /// What every definition of the panel says of it, in the order in which they were given. Evidence is in the words of the
    /// definitions and of the text; [`Verdict::into_owned`] makes what can be stored.
    pub fn verdicts<'i>(
        &'i self,
        around: Option<&'i Around>,
        now: Timestamp,
        neighbours: &'i dyn Neighbours,
    ) -> impl Iterator<Item = Verdict<Entry<'i>>> {
        self.bound.iter().map(move |own| {
            let ground = self.sight.ground(&own.parameters, around, now);
            own.judge_on(own.effect, ground, neighbours)
        })
    }
}

impl Sight<'_> {
    fn ground<'i>(&'i self, parameters: &'i Parameters, around: Option<&'i Around>, now: Timestamp) -> Ground<'i> {
        let on = |resource| Input { resource, facts: None, parameters, around, now };
        match self {
            Self::Glance(glance) => Ground::glanced(on(&NOTHING), glance),
            Self::Whole(resource) => (&on(resource)).into(),
        }
    }
}
