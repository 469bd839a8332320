//! Telling open devices what their people want to be told of, after the commit (client specification, section 11).
//!
//! Live only: who is not there finds it in the inbox and in what is unread. Only those are looked at who listen and whom an
//! event may concern: who is named, who asks for a keyword in it, who wants to hear everything of the room.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Deserialize;

use super::model::Reason;
use super::rules::{self, Concern};
use super::store::keywords;
use super::store::people::{self, PersonFacts, RoomFacts};
use crate::app::App;
use crate::db::DbError;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::model::Placed;
use crate::events::store;
use crate::messages::store::{changes, history};
use crate::messages::{self, text};
use crate::participants;
use crate::preferences::{self, quiet};
use crate::presence::{Audience, LiveFrame};
use crate::rooms::core::content::{Change, Edit, MemberChange, Membership, StateChange};
use crate::rooms::store::members;
use crate::tenants::Tenant;

/// Something that was said.
struct News {
    event_id: EventId,
    sender_id: ParticipantId,
    ts: i64,
    position: i64,
    body: String,
    mentioned: Vec<ParticipantId>,
    parent: Option<EventId>,
    /// An edit is news for those alone whom it names for the first time.
    is_edit: bool,
}

/// Whom to tell, by why and whether without a sound.
type Whom = BTreeMap<(Reason, bool), Vec<ParticipantId>>;

/// What to tell of, and whom.
struct Told<'a> {
    room_id: RoomId,
    news: &'a News,
    whom: Whom,
}

/// Tells whoever listens and wants to know of these events, which clients are shown.
pub async fn of(app: &App, tenant: &Tenant, placed: &[&Placed]) {
    if !app.presence().live().is_heard(tenant) {
        return;
    }
    if let Err(error) = all(app, tenant, placed).await {
        // Nothing hangs on it: what was said is read all the same.
        tracing::warn!(event = "notifications.fanout_failed", tenant = tenant.slug(), %error);
    }
}

async fn all(app: &App, tenant: &Tenant, placed: &[&Placed]) -> Result<(), DbError> {
    let mut by_room: BTreeMap<RoomId, Vec<News>> = BTreeMap::new();
    for placed in placed {
        let event = &placed.event;
        let news = match &event.event_type {
            of if *of == EventType::ROOM_MESSAGE => message(placed),
            of if *of == EventType::ROOM_MESSAGE_EDIT => edit(app, tenant, placed).await?,
            of if *of == EventType::ROOM_MEMBER => {
                invitation(app, tenant, placed).await?;
                None
            }
            _ => None,
        };
        if let Some(news) = news {
            by_room.entry(event.room_id).or_default().push(news);
        }
    }
    let mut told = Vec::new();
    for (room_id, news) in &by_room {
        told.extend(in_room(app, tenant, *room_id, news).await?);
    }
    // People hear of things in the order in which they were said, whatever the room.
    told.sort_by_key(|told| told.news.position);
    publish(app, tenant, told).await
}

fn message(placed: &Placed) -> Option<News> {
    let content = placed.event.content.as_ref()?;
    let sender_id = ParticipantId::derive(placed.sender()?);
    Some(News {
        event_id: placed.event.event_id,
        sender_id,
        ts: placed.event.ts,
        position: placed.position,
        body: text::body(content).to_owned(),
        mentioned: messages::mentions(content, Some(sender_id)),
        parent: messages::parent(content),
        is_edit: false,
    })
}

/// An edit, if it counted when it came and names somebody whom the text before did not.
async fn edit(app: &App, tenant: &Tenant, placed: &Placed) -> Result<Option<News>, DbError> {
    let (Some(target), Some(content)) = (placed.target, &placed.event.content) else {
        return Ok(None);
    };
    let Ok(edit) = Edit::deserialize(content) else {
        return Ok(None);
    };
    let sender_id = placed.sender().map(ParticipantId::derive);
    let mut mentioned = messages::mentions(&edit.content, sender_id);
    let Some(sender_id) = sender_id.filter(|_| !mentioned.is_empty()) else {
        return Ok(None);
    };
    let db = app.db();
    let known = history::edits_up_to(tenant, db, &[target], placed.position).await?;
    let counts = known.get(&target).map(|edit| edit.event.event_id);
    let message = store::by_id(tenant, db.reader(), target).await?;
    let Some(message) = message.filter(|_| counts == Some(placed.event.event_id)) else {
        return Ok(None);
    };
    let earlier = history::edits_up_to(tenant, db, &[target], placed.position - 1).await?;
    let before = match earlier.get(&target) {
        Some(earlier) => earlier
            .event
            .content
            .as_ref()
            .and_then(|content| content.get("content")),
        None => message.event.content.as_ref(),
    };
    let known = before.map(|content| messages::mentions(content, Some(sender_id)));
    let known: HashSet<ParticipantId> = known.unwrap_or_default().into_iter().collect();
    mentioned.retain(|person| !known.contains(person));
    Ok((!mentioned.is_empty()).then(|| News {
        event_id: target,
        sender_id,
        ts: placed.event.ts,
        position: placed.position,
        body: text::body(&edit.content).to_owned(),
        mentioned,
        parent: None,
        is_edit: true,
    }))
}

/// Whom to tell of what was said in one room.
async fn in_room<'a>(
    app: &App,
    tenant: &Tenant,
    room_id: RoomId,
    news: &'a [News],
) -> Result<Vec<Told<'a>>, DbError> {
    let db = app.db();
    let Some(room) = people::room(tenant, db, room_id).await? else {
        return Ok(Vec::new());
    };
    let asked_for = asked_for(app, tenant, news).await?;
    let mut concerned: BTreeSet<ParticipantId> = asked_for.iter().map(|(_, id)| *id).collect();
    concerned.extend(news.iter().flat_map(|news| &news.mentioned));
    match room.is_dm {
        true => concerned.extend(members::local_joined(tenant, db, room_id).await?),
        false => concerned.extend(&room.wide),
    }
    let hearing = app.presence().live().hearing(tenant, concerned);
    if hearing.is_empty() {
        return Ok(Vec::new());
    }
    let people = people::joined(tenant, db, room_id, &hearing).await?;
    let mut told = Vec::new();
    for news in news {
        let asked = asked(app, tenant, news).await?;
        let of = |person: &PersonFacts| Concern {
            is_mentioned: news.mentioned.contains(&person.id),
            has_keyword: asked_for.contains(&(news.event_id, person.id)),
            is_asked: text::is_question(&news.body) && (room.is_dm || asked == Some(person.id)),
            is_urgent: text::is_urgent(&news.body),
        };
        let whom = whom(&people, &room, news, of, app.now());
        if !whom.is_empty() {
            told.push(Told {
                room_id,
                news,
                whom,
            });
        }
    }
    Ok(told)
}

/// Who asks for a keyword in which message.
async fn asked_for(
    app: &App,
    tenant: &Tenant,
    news: &[News],
) -> Result<HashSet<(EventId, ParticipantId)>, DbError> {
    if app.keywords().is_unused(tenant) {
        return Ok(HashSet::new());
    }
    let messages = news.iter().filter(|news| !news.is_edit);
    let messages: Vec<EventId> = messages.map(|news| news.event_id).collect();
    let found = keywords::asked_for(tenant, app.db(), &messages).await?;
    Ok(found.into_iter().collect())
}

/// Whose message a question answers.
async fn asked(app: &App, tenant: &Tenant, news: &News) -> Result<Option<ParticipantId>, DbError> {
    let Some(parent) = news.parent.filter(|_| text::is_question(&news.body)) else {
        return Ok(None);
    };
    let parent = store::by_id(tenant, app.db().reader(), parent).await?;
    Ok(parent.and_then(|parent| parent.sender().map(ParticipantId::derive)))
}

/// Who of `people` is told of something, and how.
fn whom(
    people: &[PersonFacts],
    room: &RoomFacts,
    news: &News,
    concern: impl Fn(&PersonFacts) -> Concern,
    now: i64,
) -> Whom {
    let mut told = Whom::new();
    for person in people {
        let preferences = &person.preferences;
        let mode = rules::mode(person.mode.as_deref(), room.is_dm, preferences.default_mode);
        let is_muted = person.muted_until.is_some_and(|until| until > now);
        let concern = concern(person);
        let is_told = person.id != news.sender_id
            && preferences.push
            && person.is_news(news.ts, news.position)
            && (!news.is_edit || concern.is_mentioned)
            && concern.is_told(mode, is_muted);
        if is_told {
            let how = (concern.reason(), quiet::is_quiet(preferences, now));
            told.entry(how).or_default().push(person.id);
        }
    }
    told
}

/// Sends the frames. What was redacted meanwhile is not told any more.
async fn publish(app: &App, tenant: &Tenant, told: Vec<Told<'_>>) -> Result<(), DbError> {
    let messages: Vec<EventId> = told.iter().map(|told| told.news.event_id).collect();
    let changes = changes::get_many(tenant, app.db(), &messages).await?;
    let senders: BTreeSet<ParticipantId> = told.iter().map(|told| told.news.sender_id).collect();
    let senders: Vec<ParticipantId> = senders.into_iter().collect();
    let senders: HashMap<_, _> = participants::store::get_many(tenant, app.db(), &senders).await?;
    for Told {
        room_id,
        news,
        whom,
    } in told
    {
        let changes = changes.get(&news.event_id);
        if changes.is_some_and(|changes| changes.redaction.is_some()) {
            continue;
        }
        let sender = senders.get(&news.sender_id);
        for ((reason, silent), people) in whom {
            let frame = LiveFrame::Notification {
                room_id,
                event_id: news.event_id,
                reason: reason.as_str(),
                sender_id: news.sender_id,
                sender_name: sender.map_or("", |sender| &sender.display_name),
                snippet: &text::snippet(&news.body),
                silent,
            };
            let frame = frame.text(tenant, app.now());
            let live = app.presence().live();
            live.publish(tenant, &Audience::People(people), &frame);
        }
    }
    Ok(())
}

/// Tells somebody who listens of an invitation.
async fn invitation(app: &App, tenant: &Tenant, placed: &Placed) -> Result<(), DbError> {
    let event = &placed.event;
    let Some(change) = invited_by(placed) else {
        return Ok(());
    };
    let person = ParticipantId::derive(&change.participant);
    let live = app.presence().live();
    let (true, Some(sender)) = (!live.hearing(tenant, [person]).is_empty(), placed.sender()) else {
        return Ok(());
    };
    let (db, sender_id) = (app.db(), ParticipantId::derive(sender));
    // It comes once more with the host's log when the person joins.
    let member = members::get(tenant, db.reader(), event.room_id, person).await?;
    if member.is_none_or(|member| member.membership != Membership::Invite) {
        return Ok(());
    }
    let chosen = preferences::store::chosen(tenant, db.reader(), person).await?;
    let preferences = preferences::store::whole(chosen)?;
    if !preferences.push || sender_id == person {
        return Ok(());
    }
    let sender = participants::store::get(tenant, db.reader(), sender_id).await?;
    let room = people::room(tenant, db, event.room_id).await?;
    let room_name = room.and_then(|room| room.name);
    let says = change.reason.or(room_name).unwrap_or_default();
    let frame = LiveFrame::Notification {
        room_id: event.room_id,
        event_id: event.event_id,
        reason: Reason::Invite.as_str(),
        sender_id,
        sender_name: sender.as_ref().map_or("", |sender| &sender.display_name),
        snippet: &text::snippet(&says),
        silent: quiet::is_quiet(&preferences, app.now()),
    };
    let frame = frame.text(tenant, app.now());
    live.publish(tenant, &Audience::People(vec![person]), &frame);
    Ok(())
}

/// The invitation that a membership event is, if it is one.
fn invited_by(placed: &Placed) -> Option<MemberChange> {
    let event = &placed.event;
    let content = event.content.as_ref()?;
    match StateChange::parse(&event.event_type, content).ok()?.change {
        Change::Member(change) if change.membership == Membership::Invite => Some(*change),
        _ => None,
    }
}
