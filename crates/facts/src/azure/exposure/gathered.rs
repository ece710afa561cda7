use super::rules::{Opening, Origin};
use crate::{
    network::Traffic,
    reach::{Flow, Reach},
    read::Why,
};

/// All ways to one resource that were found, and what is in doubt.
#[derive(Default)]
pub(crate) struct Gathered {
    sure: Vec<Opening>,
    doubtful: Vec<Opening>,
    /// Why there may be more of which nothing else is known.
    doubts: Vec<Why>,
}

impl Gathered {
    pub(crate) fn add(&mut self, opening: Opening) {
        // What is inside the network is not the internet.
        if opening.traffic == Traffic::default() || matches!(opening.origin, Origin::Inside(_)) {
            return;
        }
        if opening.doubt.is_some() { self.doubtful.push(opening) } else { self.sure.push(opening) }
    }

    pub(crate) fn doubt(&mut self, why: Why) {
        self.doubts.push(why);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sure.is_empty() && self.doubtful.is_empty() && self.doubts.is_empty()
    }

    /// What reaches the resource; a doubt about what is open for certain in another way is none.
    pub(crate) fn into_reach(self) -> Reach {
        let mut reach = Reach::default();
        for opening in &self.doubtful {
            let holds = |sure: &&Opening| match (&sure.origin, &opening.origin) {
                (Origin::Net(all), Origin::Net(part)) => all.contains(part),
                (Origin::Net(all), Origin::Tag(_)) => all.prefix_len() == 0,
                (all, part) => all == part,
            };
            let open = self.sure.iter().filter(holds).fold(Traffic::default(), |sum, sure| sum.union(&sure.traffic));
            if let Some(why) = opening.doubt.clone().filter(|_| opening.traffic.difference(&open) != Traffic::default()) {
                reach.doubt(why);
            }
        }
        self.doubts.into_iter().for_each(|why| reach.doubt(why));
        for Opening { origin, traffic, evidence, .. } in self.sure {
            match origin {
                Origin::Net(source) => reach.add(Flow { source, traffic, evidence, doubt: None }),
                Origin::Tag(tag) => reach.add_named(tag, &traffic, evidence),
                Origin::Inside(_) => {}
            }
        }
        reach
    }
}
