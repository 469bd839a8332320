//! Rate limits: headers, and the refusal when a bucket is empty.

use futures::StreamExt;

use crate::check::{Check, Stop, Verdict, client, failed, skipped};
use crate::client::Agent;
use crate::client::answer::Answer;
use crate::judge::{self, must};
use crate::trial::Trial;

const SECTION: &str = "client-core 1, Rate limits";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "conventions/rates: answers tell limit, remaining and reset of a bucket",
            headers,
        ),
        client(
            SECTION,
            "conventions/rates: an empty bucket gets SW_RATE_LIMIT_EXCEEDED with Retry-After and details",
            empty_bucket,
        ),
        client(
            SECTION,
            "conventions/rates: one participant's empty bucket is not another's",
            bucket_of_one,
        ),
        client(
            SECTION,
            "conventions/rates: sign-ins of one account are counted",
            logins,
        ),
    ]
}

fn number(answer: &Answer, name: &str) -> Result<i64, Stop> {
    let text = answer.must_header(name)?;
    text.parse()
        .map_err(|_| failed(format!("{name} is {text:?}, not a number")))
}

fn limit_of(answer: &Answer) -> Result<usize, Stop> {
    let limit = answer
        .header("X-RateLimit-Limit")
        .ok_or_else(|| skipped("the server has no rate limits for reads"))?;
    let limit = limit
        .parse()
        .map_err(|_| failed(format!("X-RateLimit-Limit is {limit:?}")))?;
    if limit > 2_000 {
        return Err(skipped(
            "the server's rate limit for reads is over 2000 a minute",
        ));
    }
    Ok(limit)
}

/// Reads until a bucket is empty.
async fn empties(agent: &Agent) -> Result<Answer, Stop> {
    let first = agent.call("GET", "/v1/me").impatient().send().await?;
    first.ok()?;
    let most = limit_of(&first)? * 3;
    let mut answers = futures::stream::iter(0..most)
        .map(|_| agent.call("GET", "/v1/me").impatient().send())
        .buffer_unordered(16);
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        if answer.status != 200 {
            return Ok(answer);
        }
    }
    Err(failed(format!("{most} reads passed at once")))
}

async fn headers(t: Trial) -> Verdict {
    let person = t.person().await?;
    let answer = person.get("/v1/me").await?;
    let limit = limit_of(&answer)?;
    let remaining = number(&answer, "X-RateLimit-Remaining")?;
    let reset = number(&answer, "X-RateLimit-Reset")?;
    must(
        remaining >= 0 && usize::try_from(remaining).is_ok_and(|r| r <= limit),
        || format!("remaining is {remaining} of {limit}"),
    )?;
    let now = crate::clock::now_ms() / 1000;
    must((now - 120..now + 3_700).contains(&reset), || {
        format!("reset is {reset}, now is {now}: it must be Unix seconds")
    })
}

async fn empty_bucket(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let answer = empties(&person).await?;
    let error = answer.refused("SW_RATE_LIMIT_EXCEEDED")?;
    must(number(&answer, "Retry-After")? >= 1, || {
        "Retry-After is below 1".to_owned()
    })?;
    judge::equal(&error, "/details/bucket", "reads")?;
    must(judge::int(&error, "/details/retry_after_ms")? > 0, || {
        "retry_after_ms is not positive".to_owned()
    })?;
    must(number(&answer, "X-RateLimit-Remaining")? == 0, || {
        "remaining is not 0".to_owned()
    })
}

async fn bucket_of_one(t: Trial) -> Verdict {
    let (first, second) = (t.newcomer().await?, t.person().await?);
    empties(&first).await?.refused("SW_RATE_LIMIT_EXCEEDED")?;
    let answer = second.call("GET", "/v1/me").impatient().send().await?;
    answer.ok().map(drop)
}

async fn logins(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let account = person.account();
    let request = crate::cast::account::password_grant(&account.username, &account.password);
    for _ in 0..30 {
        let call = t.stranger().call("POST", "/v1/auth/token");
        let answer = call.json(request.clone()).impatient().send().await?;
        if answer.status == 200 {
            continue;
        }
        let error = answer.refused("SW_RATE_LIMIT_EXCEEDED")?;
        must(number(&answer, "Retry-After")? >= 1, || {
            "Retry-After is below 1".to_owned()
        })?;
        return judge::equal(&error, "/details/bucket", "logins");
    }
    Err(skipped(
        "30 sign-ins of one account passed: the server has no such limit",
    ))
}
