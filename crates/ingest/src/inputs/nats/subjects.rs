use std::time::Duration;

use async_nats::{Message, Subscriber};
use futures_util::{StreamExt as _, stream::SelectAll};
use jiff::Timestamp;

use super::Connection;
use crate::inputs::{
    InputError,
    queue::{BATCH, Gathered, TOGETHER},
};

/// How often the connection is looked at while nothing comes.
const LOOK: Duration = Duration::from_secs(1);

/// The part of an input whose health this is.
const PART: &str = "";

/// Listens to subjects until it is told to stop.
pub(super) async fn read(connection: &Connection<'_>, subjects: &[String]) -> Result<(), InputError> {
    let Connection { context, client, .. } = connection;
    if subjects.is_empty() {
        return Err(InputError::Failed("neither a `stream` nor `subjects` of NATS are named".to_owned()));
    }
    let mut messages: SelectAll<Subscriber> = SelectAll::new();
    for subject in subjects {
        let what = || format!("listen to `{subject}`");
        let subscribed = client.subscribe(subject.clone()).await;
        messages.push(subscribed.map_err(|error| connection.failed(&what(), &error))?);
    }
    client.flush().await.map_err(|error| connection.failed("listen", &error))?;
    let mut stop = context.stop.clone();
    let mut away = None;
    loop {
        look(connection, &mut away).await?;
        let first = tokio::select! {
            () = stop.said() => return Ok(()),
            first = tokio::time::timeout(LOOK, messages.next()) => first,
        };
        match first {
            // Nothing came.
            Err(_) => {}
            Ok(Some(first)) => {
                let gathered = gather(connection, first, &mut messages).await;
                context.intake.keep(gathered.batch(context, PART, None)).await?;
            }
            Ok(None) => return Err(connection.heard.failed("listen", "the connection was closed")),
        }
    }
}

/// A message, and what comes soon behind it.
async fn gather(connection: &Connection<'_>, first: Message, messages: &mut SelectAll<Subscriber>) -> Gathered {
    let mut gathered = Gathered::default();
    let add = |gathered: &mut Gathered, message: &Message| {
        gathered.add(&message.payload, connection.context.kind, || format!("of {}", message.subject));
    };
    add(&mut gathered, &first);
    let until = tokio::time::Instant::now() + TOGETHER;
    while gathered.n_bytes() < BATCH
        && let Ok(Some(next)) = tokio::time::timeout_at(until, messages.next()).await
    {
        add(&mut gathered, &next);
    }
    gathered
}

/// Tells what was lost and what is wrong.
async fn look(connection: &Connection<'_>, away: &mut Option<Timestamp>) -> Result<(), InputError> {
    let Connection { context, health, heard, .. } = connection;
    // A subject that is not allowed is told only like this.
    if let Some(error) = heard.take_error() {
        return Err(heard.failed("listen", &error));
    }
    let n_dropped = heard.take_dropped();
    if n_dropped > 0 {
        let lost = format!("{n_dropped} messages came faster than they could be taken and are lost; read a stream instead");
        tell_lost(connection, lost).await?;
    }
    if !connection.is_connected() {
        away.get_or_insert_with(Timestamp::now);
        let reason = format!(
            "the connection to {} is lost; it is tried again, and what is published meanwhile is lost",
            connection.servers
        );
        health.fails(context, PART, reason);
        return Ok(());
    }
    health.is_well(context, PART, None);
    if let Some(since) = away.take() {
        let lost = format!("what was published from {since} to {} is lost: the connection was", Timestamp::now());
        tell_lost(connection, lost).await?;
    }
    Ok(())
}

async fn tell_lost(connection: &Connection<'_>, lost: String) -> Result<(), InputError> {
    let Connection { context, health, .. } = connection;
    health.lost(context, PART, lost.clone());
    let mut told = Gathered::default();
    told.refuse(lost, String::new());
    Ok(context.intake.keep(told.batch(context, PART, None)).await?)
}
