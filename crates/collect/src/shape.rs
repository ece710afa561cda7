//! A collector's schema, prepared for decoding: with the names that members may have on the wire.

use std::collections::BTreeMap;

use skywarden_content::{FieldType, ScalarType};

/// Names on the wire by path: `wire:` of a collector.
pub(crate) type Wire = BTreeMap<String, String>;

/// What a value must look like.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Scalar(ScalarType),
    List(Box<Shape>),
    /// Free keys.
    Map(Box<Shape>),
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: Box<str>,
    pub(crate) wire: WireNames,
    pub(crate) shape: Shape,
}

/// The names that an element may have, in lower case, the likeliest first.
#[derive(Debug, Clone)]
pub(crate) struct WireNames(Vec<String>);

impl Shape {
    /// The shape of a type's properties (or of some of them).
    pub(crate) fn of_fields<'a>(wire: &Wire, fields: impl Iterator<Item = (&'a String, &'a FieldType)>) -> Self {
        Self::Object(fields.map(|(name, field)| Member::of(wire, "", name, field)).collect())
    }

    /// The shape of one field by its dotted path, as it is in a type's properties.
    pub(crate) fn of_field(wire: &Wire, fields: &BTreeMap<String, FieldType>, path: &str) -> Option<Self> {
        let mut names = path.split('.');
        let mut field = fields.get(names.next()?)?;
        for name in names {
            let FieldType::Object(members) = field else { return None };
            field = members.get(name)?;
        }
        Some(Self::of(wire, path, field))
    }

    /// A shape that keeps only texts: for answers whose schema no collector declares.
    pub(crate) fn of_texts(names: &[&str]) -> Self {
        let member =
            |name: &&str| Member { name: (*name).into(), wire: WireNames::of(name), shape: Self::Scalar(ScalarType::String) };
        Self::Object(names.iter().map(member).collect())
    }

    /// The shape of a text.
    pub(crate) fn text() -> Self {
        Self::Scalar(ScalarType::String)
    }

    /// An object with one member.
    pub(crate) fn object(name: &str, shape: Self) -> Self {
        let wire = if matches!(shape, Self::List(_)) { WireNames::of_list(name) } else { WireNames::of(name) };
        Self::Object(vec![Member { name: name.into(), wire, shape }])
    }

    /// An object's shape with a text among its members.
    pub(crate) fn with_text(self, name: &str) -> Self {
        match self {
            Self::Object(mut members) => {
                if !members.iter().any(|member| &*member.name == name) {
                    members.push(Member { name: name.into(), wire: WireNames::of(name), shape: Self::text() });
                }
                Self::Object(members)
            }
            other => other,
        }
    }

    fn of(wire: &Wire, path: &str, field: &FieldType) -> Self {
        match field {
            FieldType::Scalar(scalar) => Self::Scalar(*scalar),
            FieldType::List(items) => {
                let item =
                    items.first().map_or(Self::Scalar(ScalarType::String), |item| Self::of(wire, &format!("{path}[*]"), item));
                Self::List(Box::new(item))
            }
            FieldType::Object(members) => match members.get("*") {
                Some(value) => Self::Map(Box::new(Self::of(wire, &format!("{path}.*"), value))),
                None => Self::Object(members.iter().map(|(name, field)| Member::of(wire, path, name, field)).collect()),
            },
        }
    }
}

impl Member {
    fn of(wire: &Wire, parent: &str, name: &str, field: &FieldType) -> Self {
        let path = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        let names = match (wire.get(&path), field) {
            (Some(name), _) => WireNames::of(name),
            (None, FieldType::List(_)) => WireNames::of_list(name),
            (None, _) => WireNames::of(name),
        };
        Self { name: name.into(), wire: names, shape: Shape::of(wire, &path, field) }
    }
}

impl WireNames {
    /// Of what is no list: the name without case.
    pub(crate) fn of(name: &str) -> Self {
        Self(vec![name.to_ascii_lowercase()])
    }

    /// Of a list: ec2 writes `Tags` as `tagSet`, `Ipv6Addresses` as `ipv6AddressesSet`, `SecurityGroups` as `securityGroupInfo`,
    /// `BlockDeviceMappings` as `blockDeviceMapping`; S3 writes `Rules` as `Rule` for each, without a wrapper.
    pub(crate) fn of_list(name: &str) -> Self {
        let plural = name.to_ascii_lowercase();
        let singular = singular(&plural);
        Self(vec![plural.clone(), format!("{plural}set"), format!("{singular}set"), format!("{singular}info"), singular])
    }

    /// The names, likeliest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether an element's name is one of them.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

fn singular(plural: &str) -> String {
    if let Some(stem) = plural.strip_suffix("ies") {
        return format!("{stem}y");
    }
    if let Some(stem) = plural.strip_suffix("sses").or_else(|| plural.strip_suffix("xes")) {
        return plural.get(..stem.len() + if plural.ends_with("xes") { 1 } else { 2 }).unwrap_or(stem).to_owned();
    }
    plural.strip_suffix('s').unwrap_or(plural).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_found_under_their_names_on_the_wire() {
        for (name, wire) in [
            ("Tags", "tagSet"),
            ("Instances", "instancesSet"),
            ("Ipv6Addresses", "ipv6AddressesSet"),
            ("Entries", "entrySet"),
            ("SecurityGroups", "securityGroupInfo"),
            ("Regions", "regionInfo"),
            ("BlockDeviceMappings", "blockDeviceMapping"),
            ("Rules", "Rule"),
            ("Addresses", "address"),
            ("Indexes", "index"),
        ] {
            assert!(WireNames::of_list(name).has(wire), "{name} {wire}");
        }
        assert!(!WireNames::of_list("Tags").has("tagging"));
    }
}
