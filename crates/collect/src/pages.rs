//! One operation, page after page.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use serde_json::{Map, Value};
use skywarden_cloud::Partition;
use skywarden_content::{AwsRequest, AwsService, Paging};
use skywarden_model::UnreadableReason;
use tokio::sync::Semaphore;

use crate::{
    Answer, Call, CallFailure, Transport,
    document::{AnswerPath, Document},
    reason::{Reasons, Tried},
    request::{Place, call},
    withhold::Secrets,
};

/// What all calls of a run share.
pub(crate) struct Run<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) partition: Partition,
    pub(crate) account: Arc<str>,
    pub(crate) page_limit: usize,
    pub(crate) secrets: Secrets,
    calls: Semaphore,
    identity: OnceLock<Answer>,
    reasons: Reasons,
}

/// An operation of a spec with all that is needed to call it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation<'a> {
    pub(crate) service: &'a AwsService,
    pub(crate) request: &'a AwsRequest,
    pub(crate) paging: Option<&'a Paging>,
    pub(crate) absent_on: &'a [String],
    /// Input members that are taken as they are: the names that a batched call asks about.
    pub(crate) extra: Option<&'a Map<String, Value>>,
}

/// How a list of pages ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The last page was read.
    Complete,
    /// The service answered that there is no such thing, which is a fact.
    Absent,
    /// A page could not be read.
    Broken {
        /// How many were read before.
        n_pages: usize,
        reason: UnreadableReason,
    },
}

impl<'a> Run<'a> {
    pub(crate) fn new(transport: &'a dyn Transport, partition: Partition, max_calls: usize, page_limit: usize) -> Self {
        Self {
            transport,
            partition,
            account: Arc::from(""),
            page_limit: page_limit.max(1),
            secrets: Secrets::default(),
            calls: Semaphore::new(max_calls.clamp(1, 1000)),
            identity: OnceLock::new(),
            reasons: Reasons::default(),
        }
    }

    pub(crate) fn share(&self, reason: UnreadableReason) -> Arc<UnreadableReason> {
        self.reasons.share(reason)
    }

    /// Calls an operation and hands over each page; a body is dropped before the next page is asked for.
    pub(crate) async fn pages(
        &self,
        operation: &Operation<'_>,
        region: &str,
        item: &Value,
        sink: &mut (dyn FnMut(&Document) + Send),
    ) -> End {
        let tried = operation.tried();
        let mut region = region.to_owned();
        let mut was_sent_elsewhere = false;
        let mut token: Option<Map<String, Value>> = None;
        let mut tokens = BTreeSet::new();
        let mut n_pages = 0;
        loop {
            let broken = |reason| End::Broken { n_pages, reason };
            let place = Place { partition: self.partition, account: &self.account, region: &region };
            let paging = page_input(operation, token.as_ref());
            let call = match call(operation.service, operation.request, place, item, &paging) {
                Ok(call) => call,
                Err(error) => return broken(tried.unmade(&error.to_string())),
            };
            let answer = match self.ask(&call).await {
                Ok(answer) => answer,
                Err(failure) => return broken(tried.lost(&failure)),
            };
            if !(200..300).contains(&answer.status) {
                match &answer.bucket_region {
                    Some(elsewhere) if *elsewhere != region && !was_sent_elsewhere && answer.status != 403 => {
                        was_sent_elsewhere = true;
                        region.clone_from(elsewhere);
                        continue;
                    }
                    _ => {}
                }
                let reason = tried.refused(&answer);
                if n_pages == 0 && operation.absent_on.iter().any(|absent| is_absence(absent, &reason)) {
                    return End::Absent;
                }
                return broken(reason);
            }
            let n_bytes = answer.body.len();
            let document = match Document::parse(operation.service.protocol, &operation.request.operation, &answer.body) {
                Ok(document) => document,
                Err(message) => return broken(tried.malformed(n_bytes, &message)),
            };
            drop(answer);
            sink(&document);
            n_pages += 1;
            let next = match next_token(operation.paging, &document) {
                Next::Token(next) => next,
                Next::End => return End::Complete,
                Next::Lost => {
                    let message = format!("page {n_pages} says that there are more, but not how to get them");
                    return End::Broken { n_pages, reason: tried.truncated(&message) };
                }
            };
            if !tokens.insert(Value::Object(next.clone()).to_string()) {
                let message = format!("page {n_pages} points back to a page that was already read");
                return End::Broken { n_pages, reason: tried.truncated(&message) };
            }
            if n_pages >= self.page_limit {
                let message = format!("there are more than {} pages", self.page_limit);
                return End::Broken { n_pages, reason: tried.truncated(&message) };
            }
            token = Some(next);
        }
    }

    async fn ask(&self, call: &Call) -> Result<Answer, CallFailure> {
        // Never closed, so it can't fail; if it did, the call would merely not be counted.
        let _permit = self.calls.acquire().await;
        if !call.is_identity() {
            return self.transport.call(call).await;
        }
        // Whose account it is is the same in every region; a run that knows does not ask again.
        if let Some(known) = self.identity.get() {
            return Ok(known.clone());
        }
        let answer = self.transport.call(call).await?;
        if answer.status == 200 {
            self.identity.get_or_init(|| answer.clone());
        }
        Ok(answer)
    }
}

impl Operation<'_> {
    /// Its names, for reasons.
    pub(crate) fn tried(&self) -> Tried<'_> {
        Tried { service: &self.service.id, operation: &self.request.operation, permission: &self.request.permission }
    }
}

/// Whether a refusal is one of those that are facts: `CODE`, or `CODE: TEXT` where the message has the text.
pub(crate) fn is_absence(absent: &str, reason: &UnreadableReason) -> bool {
    match absent.split_once(": ") {
        None => absent == reason.code,
        Some((code, text)) => code == reason.code && reason.message.to_ascii_lowercase().contains(&text.to_ascii_lowercase()),
    }
}

/// What follows a page.
enum Next {
    End,
    /// The input members that ask for the next page.
    Token(Map<String, Value>),
    /// More is announced, but the token is missing.
    Lost,
}

fn page_input(operation: &Operation<'_>, token: Option<&Map<String, Value>>) -> Map<String, Value> {
    let mut input = operation.extra.cloned().unwrap_or_default();
    input.extend(operation.paging.map(|paging| paging.size.clone()).unwrap_or_default());
    input.extend(token.cloned().unwrap_or_default());
    input
}

fn next_token(paging: Option<&Paging>, document: &Document) -> Next {
    let Some(paging) = paging else { return Next::End };
    let text = |path: &str| document.text(&AnswerPath::parse(path));
    let more = paging.more.as_ref().map(|more| text(more).is_some_and(|more| more.trim().eq_ignore_ascii_case("true")));
    match (more, text(&paging.response)) {
        (Some(false), _) | (None, None) => Next::End,
        (_, Some(token)) => {
            let mut input = Map::from_iter([(paging.request.clone(), Value::String(token))]);
            for (response, request) in &paging.also {
                input.extend(text(response).map(|value| (request.clone(), Value::String(value))));
            }
            Next::Token(input)
        }
        (Some(true), None) => Next::Lost,
    }
}
