use serde_json::Value;

use super::{
    estate::{Estate, Extent, Place, Template, above},
    template,
};

/// From the next copy on, copies lie in other subscriptions.
const COPIES_OF_A_SUBSCRIPTION: usize = 50;

/// An object of an estate, in one of its copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    template: u32,
    copy: u32,
}

/// A subscription of an estate: which written one, and which copy of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) written: usize,
    generation: usize,
}

impl Extent {
    fn n_copies(self) -> usize {
        (self.n_whole + usize::from(self.n_rest > 0)).max(1)
    }

    fn has(self, template: &Template, copy: usize) -> bool {
        match template.place {
            Place::Tenant => copy == 0,
            Place::Subscription(_) => copy < self.n_copies() && copy.is_multiple_of(COPIES_OF_A_SUBSCRIPTION),
            Place::Group(_) => copy < self.n_whole || (copy == self.n_whole && template.rank < self.n_rest),
        }
    }
}

impl Estate {
    pub(crate) fn all_subscriptions(&self) -> impl Iterator<Item = Owner> + '_ {
        let n_generations = self.extent.n_copies().div_ceil(COPIES_OF_A_SUBSCRIPTION);
        let n_written = self.written.subscriptions.len();
        (0..n_generations).flat_map(move |generation| (0..n_written).map(move |written| Owner { written, generation }))
    }

    pub(crate) fn subscription_id(&self, owner: Owner) -> String {
        let written = self.written.subscriptions.get(owner.written).map_or("", |subscription| subscription.id.as_str());
        numbered(&written.to_lowercase(), owner.generation)
    }

    /// The subscription with an id, whatever its case.
    pub(crate) fn subscription(&self, id: &str) -> Option<Owner> {
        let id = id.to_lowercase();
        let owner = self.written.subscriptions.iter().enumerate().find_map(|(written, subscription)| {
            Some(Owner { written, generation: number_of(&subscription.id.to_lowercase(), &id)? })
        })?;
        (owner.generation < self.extent.n_copies().div_ceil(COPIES_OF_A_SUBSCRIPTION)).then_some(owner)
    }

    /// The names of the management groups above a subscription, the nearest first.
    pub(crate) fn groups_above(&self, owner: Owner) -> Vec<&str> {
        let parent = self.written.subscriptions.get(owner.written).map_or("", |subscription| &subscription.management_group);
        above(&self.written.management_groups, parent).into_iter().map(|group| group.name.as_str()).collect()
    }

    /// All objects of the templates that are wanted, in the order of copies and files.
    pub(crate) fn items<'a>(&'a self, wanted: impl Fn(&Template) -> bool + 'a) -> impl Iterator<Item = Item> + 'a {
        let places: Vec<usize> =
            self.written.templates.iter().enumerate().filter(|(_, template)| wanted(template)).map(|(place, _)| place).collect();
        (0..self.extent.n_copies()).flat_map(move |copy| {
            let there: Vec<Item> = places.iter().filter_map(|place| self.item(*place, copy)).collect();
            there
        })
    }

    /// The objects of a subscription whose templates are wanted.
    pub(crate) fn items_of<'a>(
        &'a self,
        owner: Owner,
        wanted: impl Fn(&Template) -> bool + 'a,
    ) -> impl Iterator<Item = Item> + 'a {
        let begin = owner.generation * COPIES_OF_A_SUBSCRIPTION;
        let end = (begin + COPIES_OF_A_SUBSCRIPTION).min(self.extent.n_copies());
        let places: Vec<usize> = self
            .written
            .templates
            .iter()
            .enumerate()
            .filter(|(_, template)| template.place.written() == Some(owner.written) && wanted(template))
            .map(|(place, _)| place)
            .collect();
        (begin..end).flat_map(move |copy| {
            let there: Vec<Item> = places.iter().filter_map(|place| self.item(*place, copy)).collect();
            there
        })
    }

    /// The object with an id, whatever its case.
    pub(crate) fn find(&self, id: &str) -> Option<Item> {
        let mut segments: Vec<String> = id.split('/').map(str::to_lowercase).collect();
        let mut copy = 0;
        if segments.get(1).is_some_and(|first| first == "subscriptions")
            && let Some(own) = segments.get_mut(2)
        {
            let owner = self.subscription(own)?;
            *own = template::subscription_letter(owner.written)?.to_string();
            copy = owner.generation * COPIES_OF_A_SUBSCRIPTION;
            if segments.get(3).is_some_and(|own| own == "resourcegroups")
                && let Some(group) = segments.get_mut(4)
            {
                let (name, of_group) = copy_of_group(group);
                if of_group / COPIES_OF_A_SUBSCRIPTION != owner.generation {
                    return None;
                }
                copy = of_group;
                *group = template::open_name(name).to_lowercase();
            }
        }
        // What an id names further below (the scope of an assignment) is open in templates, too.
        let written: Vec<String> = self.written.subscriptions.iter().map(|subscription| subscription.id.to_lowercase()).collect();
        let (head, tail) = segments.split_at(segments.len().min(5));
        let tail = template::opened(&tail.join("/"), &written).to_lowercase();
        let key = if tail.is_empty() { head.join("/") } else { format!("{}/{tail}", head.join("/")) };
        self.item(*self.written.places.get(&key)?, copy)
    }

    fn item(&self, place: usize, copy: usize) -> Option<Item> {
        let template = self.written.templates.get(place)?;
        let is_there = self.extent.has(template, copy);
        Some(Item { template: u32::try_from(place).ok()?, copy: u32::try_from(copy).ok()? }).filter(|_| is_there)
    }

    /// The template of an item of this estate.
    pub(crate) fn template(&self, item: Item) -> Option<&Template> {
        self.written.templates.get(item.template as usize)
    }

    pub(crate) fn id(&self, item: Item) -> String {
        self.closed(item, |template| &template.id)
    }

    pub(crate) fn name(&self, item: Item) -> String {
        self.closed(item, |template| &template.name)
    }

    /// In lower case; empty if the item is in none.
    pub(crate) fn resource_group(&self, item: Item) -> String {
        self.closed(item, |template| &template.resource_group)
    }

    pub(crate) fn body(&self, item: Item) -> Value {
        // INVARIANT: a template's body was JSON, and names hold no letter that JSON would escape.
        serde_json::from_str(&self.closed(item, |template| &template.body)).unwrap_or_default()
    }

    pub(crate) fn owner(&self, item: Item) -> Option<Owner> {
        let written = self.template(item)?.place.written()?;
        Some(Owner { written, generation: item.copy as usize / COPIES_OF_A_SUBSCRIPTION })
    }

    fn closed<'a>(&'a self, item: Item, of: impl Fn(&'a Template) -> &'a template::Text) -> String {
        let Some(template) = self.template(item) else { return String::new() };
        let copy = item.copy as usize;
        let suffix = if copy == 0 { String::new() } else { format!("{GROUP_MARK}{copy:05}") };
        let generation = copy / COPIES_OF_A_SUBSCRIPTION;
        of(template).closed(&suffix, |written| self.subscription_id(Owner { written, generation }))
    }
}

impl Place {
    pub(crate) fn written(self) -> Option<usize> {
        match self {
            Self::Tenant => None,
            Self::Subscription(written) | Self::Group(written) => Some(written),
        }
    }
}

/// Stands between the name of a resource group and the number of its copy.
const GROUP_MARK: &str = "-k";

fn copy_of_group(name: &str) -> (&str, usize) {
    let copied = name.rsplit_once(GROUP_MARK).and_then(|(name, number)| {
        let copy = number.parse().ok().filter(|copy| *copy > 0 && number.len() >= 5)?;
        Some((name, copy))
    });
    copied.unwrap_or((name, 0))
}

/// A GUID that many after another.
fn numbered(guid: &str, generation: usize) -> String {
    let Some((head, tail)) = guid.rsplit_once('-') else { return guid.to_owned() };
    let number = u64::from_str_radix(tail, 16).unwrap_or_default() + generation as u64;
    format!("{head}-{number:012x}")
}

/// How many after `guid` another is.
fn number_of(guid: &str, other: &str) -> Option<usize> {
    let (head, tail) = guid.rsplit_once('-')?;
    let (other_head, other_tail) = other.rsplit_once('-')?;
    let number = |digits| u64::from_str_radix(digits, 16).ok();
    let distance = number(other_tail)?.checked_sub(number(tail)?)?;
    (head == other_head && other_tail.len() == 12).then_some(usize::try_from(distance).ok()?)
}
