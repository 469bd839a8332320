//! `/v1/inbox/priority`.

use serde_json::{Value, json};

use super::{mention, prefer};
use crate::cast::person::Person;
use crate::check::{Check, Stop, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 11";
const PATH: &str = "/v1/inbox/priority";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "inbox/list: mentions, keywords, questions and tags, newest first",
            reasons,
        ),
        client(
            SECTION,
            "inbox/list: muted rooms are in it, own messages are not",
            muted,
        ),
        client(
            SECTION,
            "inbox/list: pages tile, the limit is 20 and at most 100",
            pages,
        ),
        client(SECTION, "inbox/list: an item goes when it is read", read),
        client(
            SECTION,
            "inbox/list: an item goes when it is redacted",
            redacted,
        ),
        client(
            SECTION,
            "inbox/dismiss: takes the item away and tells the own devices",
            dismissed,
        ),
        client(
            SECTION,
            "inbox/dismiss: what is not in the inbox gets SW_NOT_FOUND",
            unknown,
        ),
    ]
}

async fn items(person: &Person) -> Result<Vec<Value>, Stop> {
    Ok(person.get(PATH).await?.list()?.0)
}

async fn reasons(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    let dm = teller.dm_with(&told).await?;
    prefer(&told, json!({"keyword_alerts": ["deploy"]})).await?;
    let own = told.says(&room, "my opinion").await?;
    teller.says(&room, "nothing special").await?;
    let content = json!({"body": "sure?", "reply_to_event_id": own["id"]});
    teller
        .post(room.at("/send"), json!({ "content": content }))
        .await?
        .ok()?;
    teller.says(&room, "come #urgent").await?;
    teller.says(&room, "Deploy!").await?;
    let named = mention(&teller, &room, &told, "deploy?").await?;
    teller.says(&dm, "are you there?").await?;
    let rows = items(&told).await?;
    let got: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["reason"].as_str())
        .collect();
    let expected = [
        "question",
        "direct_mention",
        "keyword_alert",
        "priority_tag",
        "question",
    ];
    must(got == expected, || format!("the reasons are {got:?}"))?;
    let item = judge::row(&rows, "/event_id", named["id"].clone())?;
    shape("item", item, shapes::INBOX_ITEM)?;
    judge::equal(item, "/room_id", room.id.as_str())?;
    judge::equal(item, "/sender_id", teller.id())?;
    judge::equal(item, "/snippet", "deploy?")?;
    judge::equal(item, "/created_at", named["created_at"].clone())
}

async fn muted(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    let mute = json!({"until": "forever"});
    told.put(room.at("/mute"), mute).await?.ok()?;
    let sent = mention(&teller, &room, &told, "for you #urgent").await?;
    let rows = items(&told).await?;
    judge::row(&rows, "/event_id", sent["id"].clone())?;
    judge::no_row(&items(&teller).await?, "/event_id", sent["id"].clone())
}

async fn pages(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    for number in 0..23 {
        mention(&teller, &room, &told, &number.to_string()).await?;
    }
    let (first, meta) = told.get(PATH).await?.list()?;
    must(first.len() == 20 && meta["has_more"] == true, || {
        format!("{} items, meta {meta}", first.len())
    })?;
    let cursor = judge::text(&meta, "/next_cursor")?;
    let (rest, meta) = told
        .get(format!("{PATH}?limit=101&from={cursor}"))
        .await?
        .list()?;
    must(rest.len() == 3 && meta["has_more"] == false, || {
        format!("{} items on the last page, meta {meta}", rest.len())
    })?;
    let snippets: Vec<&Value> = first
        .iter()
        .chain(&rest)
        .map(|row| &row["snippet"])
        .collect();
    let expected: Vec<Value> = (0..23)
        .rev()
        .map(|number| json!(number.to_string()))
        .collect();
    must(snippets == expected.iter().collect::<Vec<_>>(), || {
        format!("the snippets are {snippets:?}")
    })?;
    let answer = told.get(format!("{PATH}?limit=0")).await?;
    answer.invalid("query.limit", Some("range"))
}

async fn read(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    let first = mention(&teller, &room, &told, "one").await?;
    let second = mention(&teller, &room, &told, "two").await?;
    let marker = json!({"event_id": first["id"]});
    told.put(room.at("/read-marker"), marker).await?.ok()?;
    let rows = items(&told).await?;
    judge::no_row(&rows, "/event_id", first["id"].clone())?;
    judge::row(&rows, "/event_id", second["id"].clone()).map(drop)
}

async fn redacted(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    let sent = mention(&teller, &room, &told, "one").await?;
    let path = room.event(&sent, "/redact");
    teller.post(path, json!({})).await?.ok()?;
    judge::no_row(&items(&told).await?, "/event_id", sent["id"].clone())
}

async fn dismissed(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    let sent = mention(&teller, &room, &told, "one").await?;
    let socket = told.listens().await?;
    let id = judge::text(&sent, "/id")?;
    told.delete(format!("{PATH}/{id}")).await?.done()?;
    judge::no_row(&items(&told).await?, "/event_id", sent["id"].clone())?;
    socket
        .wait("swp.me.updated", |frame| {
            frame["type"] == "swp.me.updated" && frame["what"] == "inbox"
        })
        .await?;
    let again = told.delete(format!("{PATH}/{id}")).await?;
    again.refused("SW_NOT_FOUND").map(drop)
}

async fn unknown(t: Trial) -> Verdict {
    let person = t.person().await?;
    for id in ["00000000-0000-7000-8000-000000000000", "none"] {
        let answer = person.delete(format!("{PATH}/{id}")).await?;
        answer.refused("SW_NOT_FOUND")?;
    }
    Ok(())
}
