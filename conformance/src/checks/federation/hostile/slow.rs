//! Bodies and answers that come a byte a second, or not at all: nobody else waits, and nothing is kept for longer than a
//! request's 30 s.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use serde_json::json;

use super::super::stage::Stage;
use super::goes_on;
use crate::check::{Check, Stop, Verdict, failed, federation, skipped};
use crate::client::Agent;
use crate::judge::must;
use crate::peer::mischief::Ill;
use crate::peer::{FEDERATION, Peer};
use crate::trial::Trial;

const SECTION: &str = "federation security, connections and limits";
/// A whole request, its body and answer included, with a little for the machine it runs on.
const LONGEST: Duration = Duration::from_secs(36);
/// Requests that are slow at one time.
const SLOW_ONES: usize = 40;

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "hostile/slow: bodies of a byte a second are cut after 30 s, and others are answered meanwhile",
            slow_bodies,
        )
        .slow(),
        federation(
            SECTION,
            "hostile/slow: a peer that never answers holds up nobody but who asked for it",
            slow_answers,
        )
        .slow(),
    ]
}

/// Begins a request of a stranger whose body comes a byte a second; how it ended.
async fn drips(agent: Agent, name: String) -> Result<(u16, Duration), Stop> {
    let begin = Instant::now();
    let ticks = tokio::time::interval(Duration::from_secs(1));
    let bytes = stream::unfold(ticks, |mut ticks| async move {
        ticks.tick().await;
        Some((Ok::<_, std::io::Error>(vec![b' ']), ticks))
    });
    let url = format!("{}{FEDERATION}/send", agent.way().base());
    let request = agent
        .way()
        .http()
        .post(url)
        .header("Host", name)
        .header("Content-Type", "application/json")
        .body(reqwest::Body::wrap_stream(bytes.boxed()));
    match request.send().await {
        Ok(answer) => Ok((answer.status().as_u16(), begin.elapsed())),
        // Ending the connection is an answer, too.
        Err(error) if error.is_timeout() => Err(failed("a slow body was never cut")),
        Err(_) => Ok((0, begin.elapsed())),
    }
}

async fn slow_bodies(t: Trial) -> Verdict {
    let peer = t.peer()?;
    if t.stranger().way().base().starts_with("https") {
        return Err(skipped("over HTTP/2 one connection carries all"));
    }
    let slow: Vec<_> = (0..SLOW_ONES)
        .map(|_| tokio::spawn(drips(t.stranger(), peer.subject_name().to_owned())))
        .collect();
    let begin = Instant::now();
    goes_on(&t).await?;
    must(begin.elapsed() < Duration::from_secs(25), || {
        "others had to wait for slow bodies".to_owned()
    })?;
    for task in slow {
        let ended = task.await.map_err(|fault| failed(fault.to_string()))?;
        let (status, took) = ended?;
        must(matches!(status, 0 | 408 | 422 | 503), || {
            format!("a slow body got {status}")
        })?;
        must(took < LONGEST, || {
            format!("a slow body was cut after {took:?}")
        })?;
    }
    goes_on(&t).await
}

/// Invites somebody whose profile the peer hands out like this; how long it took.
async fn invites(t: &Trial, peer: &Peer, ill: Ill) -> Result<Duration, Stop> {
    let stage = Stage::empty(t).await?;
    let path = format!("/profile/{}", local_id(&stage.guest));
    let mischief = peer.misbehaves(ill, move |request| request.path == path);
    let begin = Instant::now();
    let answer = stage
        .owner
        .post(stage.room.at("/invite"), json!({"fqid": stage.guest}))
        .await?;
    must(mischief.times() > 0, || {
        "the server did not ask for the profile".to_owned()
    })?;
    // Only a 404 obliges to go on without a profile; whoever waits for longer than a request may last is told so.
    if answer.status != 200 {
        answer.refused("SW_SERVICE_UNAVAILABLE")?;
    }
    t.until("the slow answer is given up", || async {
        Ok((!mischief.is_open()).then_some(()))
    })
    .await?;
    Ok(begin.elapsed())
}

fn local_id(fqid: &str) -> String {
    let name = fqid.trim_start_matches('@');
    name.split(':').next().unwrap_or("").to_owned()
}

async fn slow_answers(t: Trial) -> Verdict {
    let peer = t.peer()?;
    let others = async {
        let begin = Instant::now();
        goes_on(&t).await?;
        goes_on(&t).await?;
        Ok(begin.elapsed())
    };
    let (silent, trickle, others) = tokio::join!(
        invites(&t, &peer, Ill::Silent),
        invites(&t, &peer, Ill::Trickle),
        others,
    );
    for took in [silent?, trickle?] {
        must(took < LONGEST, || {
            format!("a peer that does not answer was waited for {took:?}")
        })?;
    }
    let others = others?;
    must(others < Duration::from_secs(25), || {
        format!("others had to wait {others:?}")
    })
}
