//! The template functions that rules may use, by name.

use crate::{compile::closest, expression::Fault};

const MANY: usize = usize::MAX;

/// A function that rules may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Parameters,
    Field,
    Current,
    Concat,
    If,
    And,
    Or,
    Not,
    Equals,
    Less,
    LessOrEquals,
    Greater,
    GreaterOrEquals,
    ToLower,
    ToUpper,
    Replace,
    Substring,
    Length,
    Split,
    Join,
    First,
    Last,
    IndexOf,
    StartsWith,
    EndsWith,
    Trim,
    Contains,
    Empty,
    Coalesce,
    Int,
    Float,
    String,
    Bool,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Min,
    Max,
    PadLeft,
    CreateArray,
    CreateObject,
    Array,
    Union,
    Intersection,
    Skip,
    Take,
    UtcNow,
    AddDays,
    DateTimeAdd,
    IpRangeContains,
    TryGet,
    Items,
    Range,
    LastIndexOf,
    Format,
    Base64,
    Base64ToString,
    UniqueString,
    RequestContext,
    Policy,
    Subscription,
    ResourceGroup,
    Json,
    True,
    False,
    Null,
}

/// Each function with its name and the least and the greatest number of arguments.
const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("parameters", Function::Parameters, 1, 1),
    ("field", Function::Field, 1, 1),
    ("current", Function::Current, 0, 1),
    ("concat", Function::Concat, 1, MANY),
    ("if", Function::If, 3, 3),
    ("and", Function::And, 1, MANY),
    ("or", Function::Or, 1, MANY),
    ("not", Function::Not, 1, 1),
    ("equals", Function::Equals, 2, 2),
    ("less", Function::Less, 2, 2),
    ("lessOrEquals", Function::LessOrEquals, 2, 2),
    ("greater", Function::Greater, 2, 2),
    ("greaterOrEquals", Function::GreaterOrEquals, 2, 2),
    ("toLower", Function::ToLower, 1, 1),
    ("toUpper", Function::ToUpper, 1, 1),
    ("replace", Function::Replace, 3, 3),
    ("substring", Function::Substring, 2, 3),
    ("length", Function::Length, 1, 1),
    ("split", Function::Split, 2, 2),
    ("join", Function::Join, 2, 2),
    ("first", Function::First, 1, 1),
    ("last", Function::Last, 1, 1),
    ("indexOf", Function::IndexOf, 2, 2),
    ("startsWith", Function::StartsWith, 2, 2),
    ("endsWith", Function::EndsWith, 2, 2),
    ("trim", Function::Trim, 1, 1),
    ("contains", Function::Contains, 2, 2),
    ("empty", Function::Empty, 1, 1),
    ("coalesce", Function::Coalesce, 1, MANY),
    ("int", Function::Int, 1, 1),
    ("float", Function::Float, 1, 1),
    ("string", Function::String, 1, 1),
    ("bool", Function::Bool, 1, 1),
    ("add", Function::Add, 2, 2),
    ("sub", Function::Sub, 2, 2),
    ("mul", Function::Mul, 2, 2),
    ("div", Function::Div, 2, 2),
    ("mod", Function::Mod, 2, 2),
    ("min", Function::Min, 1, MANY),
    ("max", Function::Max, 1, MANY),
    ("padLeft", Function::PadLeft, 2, 3),
    ("createArray", Function::CreateArray, 0, MANY),
    ("createObject", Function::CreateObject, 0, MANY),
    ("array", Function::Array, 1, 1),
    ("union", Function::Union, 1, MANY),
    ("intersection", Function::Intersection, 2, MANY),
    ("skip", Function::Skip, 2, 2),
    ("take", Function::Take, 2, 2),
    ("utcNow", Function::UtcNow, 0, 1),
    ("addDays", Function::AddDays, 2, 2),
    ("dateTimeAdd", Function::DateTimeAdd, 2, 3),
    ("ipRangeContains", Function::IpRangeContains, 2, 2),
    ("tryGet", Function::TryGet, 2, MANY),
    ("items", Function::Items, 1, 1),
    ("range", Function::Range, 2, 2),
    ("lastIndexOf", Function::LastIndexOf, 2, 2),
    ("format", Function::Format, 1, MANY),
    ("base64", Function::Base64, 1, 1),
    ("base64ToString", Function::Base64ToString, 1, 1),
    ("uniqueString", Function::UniqueString, 1, MANY),
    ("requestContext", Function::RequestContext, 0, 0),
    ("policy", Function::Policy, 0, 0),
    ("subscription", Function::Subscription, 0, 0),
    ("resourceGroup", Function::ResourceGroup, 0, 0),
    ("json", Function::Json, 1, 1),
    ("true", Function::True, 0, 0),
    ("false", Function::False, 0, 0),
    ("null", Function::Null, 0, 0),
];

impl Function {
    /// The function of a name in any case, called with so many arguments.
    ///
    /// # Errors
    /// If no function has that name, or it does not take so many.
    pub(crate) fn find(name: &str, given: usize) -> Result<Self, Fault> {
        let Some((name, function, least, most)) = FUNCTIONS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)) else {
            let help = closest(name, FUNCTIONS.iter().map(|(name, ..)| *name)).map(|name| format!("did you mean `{name}`?"));
            return Err(Fault { message: format!("`{name}` is no function that rules may use"), help });
        };
        if (*least..=*most).contains(&given) {
            return Ok(*function);
        }
        let wanted = match (*least, *most) {
            (1, 1) => "one argument".to_owned(),
            (least, MANY) => format!("{least} or more arguments"),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        Err(format!("`{name}` takes {wanted}, not {given}").into())
    }

    /// The name as Azure spells it.
    pub(crate) fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|(_, function, ..)| *function == self).map_or("", |(name, ..)| name)
    }
}
