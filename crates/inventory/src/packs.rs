use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;
use serde_json::Value;
use skywarden_model::{Resource, ResourceId, Scope, TypeName};
use zstd::bulk::{Compressor, Decompressor};

/// A dictionary is made of so many resources: what those of an estate have in common is told once.
const SAMPLES: usize = 1_000;

/// How large a dictionary may become, in bytes; twice as large ones pack less well.
const DICTIONARY: usize = 64 << 10;

/// After the first so many resources a dictionary is made, then after twice as many, and so on: what comes first is of few kinds, and
/// what was listed is later replaced by more.
const FIRST: usize = 1_000;

/// Takes 3 microseconds for a kilobyte and a half, as level 1 does, which leaves a tenth more; level 6 takes 10 and leaves a sixth less.
const LEVEL: i32 = 3;

/// JSON is read to a depth of 128, and a resource puts some levels around what Azure answered.
const MAX_DEPTH: usize = 100;

/// Resources of which each is packed by itself.
#[derive(Default)]
pub struct Packs {
    packs: Vec<Pack>,
    codecs: Vec<Codec>,
    next: Samples,
    /// Names of types and accounts, once.
    types: BTreeSet<TypeName>,
    accounts: BTreeSet<Arc<str>>,
}

/// One packed resource, with what it is found by.
struct Pack {
    id: ResourceId,
    type_name: TypeName,
    account: Arc<str>,
    body: Body,
}

/// A resource as it is kept.
enum Body {
    /// As it is: JSON as deep as this could not be read again.
    Open(Box<Resource>),
    /// As JSON.
    Plain(Box<[u8]>),
    /// With the codec that packed it, and how long it is unpacked.
    Packed { bytes: Box<[u8]>, codec: u16, n_plain: u32 },
}

/// What the next dictionary is made of: resources at even distances among those that were packed since the last.
struct Samples {
    texts: Vec<Vec<u8>>,
    n_seen: usize,
    /// Then it is made.
    n_wanted: usize,
}

struct Codec {
    /// Its place among them.
    number: u16,
    packer: Compressor<'static>,
    /// Whoever reads needs it for himself: it holds what it unpacked last.
    unpacker: Mutex<Decompressor<'static>>,
}

impl Default for Samples {
    fn default() -> Self {
        Self { texts: Vec::new(), n_seen: 0, n_wanted: FIRST }
    }
}

impl Packs {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.packs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.packs.is_empty()
    }

    /// Adds a resource.
    pub fn push(&mut self, resource: &Resource) {
        let pack = self.pack(resource);
        self.packs.push(pack);
    }

    /// Puts a resource in the place of another.
    pub fn replace(&mut self, place: usize, resource: &Resource) {
        let pack = self.pack(resource);
        if let Some(old) = self.packs.get_mut(place) {
            *old = pack;
        }
    }

    /// The id of the one at a place; `None` behind the last.
    pub fn id(&self, place: usize) -> Option<&ResourceId> {
        self.packs.get(place).map(|pack| &pack.id)
    }

    /// The type of the one at a place; `None` behind the last.
    pub fn type_name(&self, place: usize) -> Option<&TypeName> {
        self.packs.get(place).map(|pack| &pack.type_name)
    }

    /// The account of the one at a place; `None` behind the last.
    pub fn account(&self, place: usize) -> Option<&Arc<str>> {
        self.packs.get(place).map(|pack| &pack.account)
    }

    /// The one at a place as it was pushed; `None` behind the last. Shares id, type and account with its pack.
    pub fn open(&self, place: usize) -> Option<Resource> {
        let pack = self.packs.get(place)?;
        Some(open(pack, &self.codecs))
    }

    /// Packs all anew by what they have in common now, where dictionaries were made of some: to be called when a part of the work is done
    /// after which they stay for long.
    pub fn settle(&mut self) {
        if self.codecs.is_empty() {
            return;
        }
        let step = self.packs.len().div_ceil(SAMPLES).max(1);
        let texts = self.packs.iter().step_by(step).filter_map(|pack| json(pack, &self.codecs));
        let texts: Vec<Vec<u8>> = texts.map(Cow::into_owned).collect();
        let Some(mut own) = Codec::of(0, &texts) else { return };
        for pack in &mut self.packs {
            let body = json(pack, &self.codecs).map(|json| own.pack(&json));
            if let Some(body) = body {
                pack.body = body;
            }
        }
        self.codecs = vec![own];
        self.packs.shrink_to_fit();
    }

    /// Brings them in the order of ids, then types, and drops all but the first of those that agree in both.
    pub fn sort(&mut self) {
        self.packs.sort_by(|one, other| (&one.id, &one.type_name).cmp(&(&other.id, &other.type_name)));
        self.packs.dedup_by(|later, first| later.id == first.id && later.type_name == first.type_name);
        self.packs.shrink_to_fit();
    }

    /// Drops all but the first of those that have an id in common; they must be in order.
    pub fn keep_one_of_each_id(&mut self) {
        self.packs.dedup_by(|later, first| later.id == first.id);
    }

    /// Opens all, one after the other, dropping each pack.
    pub fn into_resources(self) -> Vec<Resource> {
        let codecs = self.codecs;
        self.packs.into_iter().map(|pack| open(&pack, &codecs)).collect()
    }

    /// Makes something of the head of each, or nothing, dropping each pack: of a resource that `make` is given there is no more than what it
    /// is called and where it belongs.
    pub fn into_heads<T>(self, mut make: impl FnMut(Resource) -> Option<T>) -> Vec<T> {
        let codecs = self.codecs;
        let mut heads = Vec::with_capacity(self.packs.len());
        for pack in self.packs {
            heads.extend(make(head(&pack, &codecs)));
        }
        heads
    }

    fn pack(&mut self, resource: &Resource) -> Pack {
        let body = match plain(resource) {
            None => Body::Open(Box::new(resource.clone())),
            Some(plain) => {
                let body = match self.codecs.last_mut() {
                    None => Body::Plain(plain.as_slice().into()),
                    Some(codec) => codec.pack(&plain),
                };
                if self.next.take(plain) {
                    self.begin_anew();
                }
                body
            }
        };
        Pack {
            id: resource.id.clone(),
            type_name: once(&mut self.types, &resource.type_name),
            account: once(&mut self.accounts, &resource.scope.account),
            body,
        }
    }

    /// Makes a dictionary by which what follows is packed, and what is still plain.
    fn begin_anew(&mut self) {
        let Samples { texts, n_wanted, .. } = std::mem::take(&mut self.next);
        self.next.n_wanted = n_wanted.saturating_mul(2);
        let Ok(number) = u16::try_from(self.codecs.len()) else { return };
        let Some(mut own) = Codec::of(number, &texts) else { return };
        if self.codecs.is_empty() {
            for pack in &mut self.packs {
                if let Body::Plain(plain) = &pack.body {
                    pack.body = own.pack(plain);
                }
            }
        }
        self.codecs.push(own);
    }
}

fn once<T: Ord + Clone>(known: &mut BTreeSet<T>, own: &T) -> T {
    if let Some(known) = known.get(own) {
        return known.clone();
    }
    known.insert(own.clone());
    own.clone()
}

impl Samples {
    /// Whether there are enough now.
    fn take(&mut self, text: Vec<u8>) -> bool {
        if self.n_seen.is_multiple_of(self.n_wanted.div_ceil(SAMPLES)) {
            self.texts.push(text);
        }
        self.n_seen += 1;
        self.n_seen >= self.n_wanted
    }
}

impl FromIterator<Resource> for Packs {
    fn from_iter<I: IntoIterator<Item = Resource>>(resources: I) -> Self {
        let mut packs = Packs::new();
        for resource in resources {
            packs.push(&resource);
        }
        packs
    }
}

impl std::fmt::Debug for Packs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} packed resources", self.packs.len())
    }
}

impl Codec {
    /// One with a dictionary of some texts; if none can be made of them, they are packed without.
    fn of(number: u16, texts: &[Vec<u8>]) -> Option<Self> {
        let dictionary = zstd::dict::from_samples(texts, DICTIONARY).unwrap_or_default();
        let packer = Compressor::with_dictionary(LEVEL, &dictionary).ok()?;
        let unpacker = Mutex::new(Decompressor::with_dictionary(&dictionary).ok()?);
        Some(Self { number, packer, unpacker })
    }

    /// What can't be packed stays plain.
    fn pack(&mut self, plain: &[u8]) -> Body {
        match (self.packer.compress(plain), u32::try_from(plain.len())) {
            (Ok(packed), Ok(n_plain)) => Body::Packed { bytes: packed.into_boxed_slice(), codec: self.number, n_plain },
            _ => Body::Plain(plain.into()),
        }
    }

    fn unpack(&self, packed: &[u8], n_plain: u32) -> Vec<u8> {
        let mut unpacker = self.unpacker.lock().unwrap_or_else(PoisonError::into_inner);
        unpacker.decompress(packed, n_plain as usize).unwrap_or_default()
    }
}

/// The JSON of a resource, if it can be read again.
fn plain(resource: &Resource) -> Option<Vec<u8>> {
    let is_flat = is_within(&resource.properties, MAX_DEPTH) && resource.envelope.values().all(|own| is_within(own, MAX_DEPTH));
    is_flat.then(|| serde_json::to_vec(resource).ok()).flatten()
}

/// Whether a value has no more levels than these.
fn is_within(value: &Value, n_levels: usize) -> bool {
    match (value, n_levels.checked_sub(1)) {
        (Value::Array(items), Some(below)) => items.iter().all(|item| is_within(item, below)),
        (Value::Object(members), Some(below)) => members.values().all(|member| is_within(member, below)),
        (Value::Array(_) | Value::Object(_), None) => false,
        _ => true,
    }
}

/// The JSON of a pack; `None` if it is open.
fn json<'p>(pack: &'p Pack, codecs: &[Codec]) -> Option<Cow<'p, [u8]>> {
    match &pack.body {
        Body::Open(_) => None,
        Body::Plain(plain) => Some(Cow::Borrowed(plain)),
        Body::Packed { bytes, codec, n_plain } => {
            let own = codecs.get(usize::from(*codec));
            Some(Cow::Owned(own.map(|codec| codec.unpack(bytes, *n_plain)).unwrap_or_default()))
        }
    }
}

#[expect(clippy::expect_used, reason = "what this module packed it can open")]
fn open(pack: &Pack, codecs: &[Codec]) -> Resource {
    let mut resource: Resource = match (&pack.body, json(pack, codecs)) {
        (Body::Open(open), _) => (**open).clone(),
        (_, json) => serde_json::from_slice(&json.unwrap_or_default()).expect("what was packed is a resource"),
    };
    resource.id = pack.id.clone();
    resource.type_name = pack.type_name.clone();
    resource.scope.account = Arc::clone(&pack.account);
    resource
}

/// What a pack is called and where it belongs; the rest of its JSON is passed over, which takes a third of the time.
#[derive(Deserialize)]
struct Head {
    name: String,
    scope: Scope,
    location: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[expect(clippy::expect_used, reason = "what this module packed it can open")]
fn head(pack: &Pack, codecs: &[Codec]) -> Resource {
    let Some(json) = json(pack, codecs) else { return open(pack, codecs) };
    let Head { name, scope, location, tags } = serde_json::from_slice(&json).expect("what was packed is a resource");
    let (id, type_name) = (pack.id.clone(), pack.type_name.clone());
    Resource { id, type_name, name, scope, location, tags, ..Resource::unknown() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use skywarden_model::{Carried, Unreadable, UnreadableKind, UnreadableReason};

    use super::*;

    fn resource(number: usize, properties: Value) -> Resource {
        let account: Arc<str> = format!("account-{}", number % 3).into();
        let reason = UnreadableReason {
            kind: UnreadableKind::Denied,
            operation: "Microsoft.Web/sites/config/list/action".to_owned(),
            permission: None,
            code: "AuthorizationFailed".to_owned(),
            message: String::new(),
        };
        Resource {
            id: format!("/subscriptions/{account}/resourcegroups/g/providers/microsoft.web/sites/shop-{number:05}").into(),
            type_name: "Microsoft.Web/sites".into(),
            name: format!("shop-{number:05}"),
            scope: Scope { connector: "azure".into(), account, resource_group: "g".into() },
            location: number.is_multiple_of(2).then(|| "westeurope".to_owned()),
            tags: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
            envelope: serde_json::Map::from_iter([("kind".to_owned(), json!("app,linux"))]),
            properties,
            unreadable: vec![Unreadable { field: "properties.config".parse().unwrap(), reason: Arc::new(reason) }],
            carried: Carried::Only(["properties.a".parse().unwrap()].into()),
        }
    }

    fn site(number: usize) -> Resource {
        let state = if number.is_multiple_of(7) { "Stopped" } else { "Running" };
        let host = format!("shop-{number:05}.azurewebsites.net");
        let config = json!({"minTlsVersion": "1.2", "ftpsState": "Disabled", "http20Enabled": true, "number": number});
        resource(number, json!({"state": state, "hostNames": [host], "httpsOnly": true, "siteConfig": config, "none": null}))
    }

    #[test]
    fn what_was_packed_opens_as_it_was() {
        let mut packs: Packs = (0..SAMPLES + 500).map(site).collect();
        assert_eq!(packs.len(), SAMPLES + 500);
        for place in [0, 7, SAMPLES - 1, SAMPLES, SAMPLES + 499] {
            assert_eq!(packs.open(place), Some(site(place)), "{place}");
        }
        packs.settle();
        for place in [0, SAMPLES + 7] {
            assert_eq!(packs.open(place), Some(site(place)), "{place}, settled");
        }
        packs.replace(0, &site(5));
        assert_eq!(packs.open(0), Some(site(5)));
        assert_eq!(packs.open(SAMPLES + 500), None);
        let n_plain: usize = (0..SAMPLES + 500).map(|number| plain(&site(number)).unwrap().len()).sum();
        let n_packed: usize = packs.packs.iter().map(|pack| n_bytes(&pack.body)).sum();
        assert!(n_packed * 5 < n_plain, "{n_packed} of {n_plain}");
    }

    fn n_bytes(body: &Body) -> usize {
        match body {
            Body::Open(_) => panic!("it is not packed"),
            Body::Plain(bytes) | Body::Packed { bytes, .. } => bytes.len(),
        }
    }

    #[test]
    fn what_is_too_deep_to_be_read_again_stays_as_it_is() {
        let deep = |n_levels| (0..n_levels).fold(json!("x"), |below, _| json!({ "a": [below] }));
        let own: Vec<Resource> = [10, 49, 51, 300].map(|n_levels| resource(n_levels, deep(n_levels))).into();
        let mut packs: Packs = own.iter().cloned().chain((0..SAMPLES).map(site)).collect();
        packs.settle();
        for (place, own) in own.iter().enumerate() {
            assert_eq!(packs.open(place).as_ref(), Some(own), "{place}");
        }
        assert_eq!(packs.into_heads(Some)[3].name, own[3].name);
    }

    #[test]
    fn they_are_sorted_replaced_and_told_once() {
        let mut packs: Packs = [3, 1, 2, 1].into_iter().map(site).collect();
        packs.sort();
        assert_eq!(packs.len(), 3);
        packs.replace(1, &resource(2, json!({"state": "Gone"})));
        let states: Vec<Value> = packs.into_resources().into_iter().map(|own| own.properties["state"].clone()).collect();
        assert_eq!(states, [json!("Running"), json!("Gone"), json!("Running")]);
        let heads = [2, 1].into_iter().map(site).collect::<Packs>().into_heads(Some);
        let own = heads.first().map(|own| (own.name.as_str(), own.tags.len(), own.properties.clone()));
        assert_eq!(own, Some(("shop-00002", 1, Value::Null)));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            // Of other fractions JSON may tell the last digit otherwise.
            any::<i32>().prop_map(|number| json!(f64::from(number) / 4.0)),
            ".{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,12}", inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        #[test]
        fn any_properties_open_as_they_were(many in prop::collection::vec(values(), 20..60)) {
            // As many as it takes for a dictionary, then these.
            let mut packs: Packs = (0..SAMPLES).map(|number| resource(number, json!({"n": number}))).collect();
            let own: Vec<Resource> = many.into_iter().enumerate().map(|(n, properties)| resource(n, properties)).collect();
            own.iter().for_each(|own| packs.push(own));
            let opened: Vec<Resource> = packs.into_resources().split_off(SAMPLES);
            prop_assert_eq!(opened, own);
        }
    }
}
