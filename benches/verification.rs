//! What it costs to believe an event of another server, and where that goes: the server's own code, step by step, on events
//! as they come in a delivery. Prints one JSON object for each step; `benches/run` sets them beside one raw verification.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use scaiwave::events::core::event::Event;
use scaiwave::events::core::event_type::EventType;
use scaiwave::events::core::hash::Hash;
use scaiwave::events::core::ids::RoomId;
use scaiwave::events::core::json::Limits;
use scaiwave::events::core::names::{Fqid, ServerName};
use scaiwave::events::core::sign::KeyPair;
use scaiwave::events::core::verified::{Draft, verify};
use scaiwave::events::core::{canonical, content, incoming};
use serde_json::{Value, json};

/// Events in a delivery.
const EVENTS: usize = 100;
/// How long each step is measured.
const TIME: Duration = Duration::from_millis(500);
/// What a delivery may be.
const LIMITS: Limits = Limits {
    max_bytes: 1 << 20,
    max_depth: 70,
};

type Failed = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scaiwave-verification: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A log of messages of the usual length.
fn log(key: &KeyPair) -> Result<Vec<Event>, Failed> {
    let origin: ServerName = "a.example".parse()?;
    let sender: Fqid = "@alice:a.example".parse()?;
    let room_id = RoomId::derive(&origin, "a room for benches");
    let mut prev = Some(Hash::of(b"the event before"));
    let mut events = Vec::with_capacity(EVENTS);
    for (at, seq) in (0..EVENTS).zip(2_i64..) {
        let body = format!(
            "load {at} The quick brown fox jumps over the lazy dog, and nobody minds: ein Satz wie viele."
        );
        let draft = Draft {
            room_id,
            origin: origin.clone(),
            sender: Some(sender.clone()),
            event_type: EventType::ROOM_MESSAGE,
            content: json!({"msgtype": "swp.text", "body": body}),
            epoch: 1,
            seq,
            prev,
            ts: 1_780_000_000_000 + seq,
            state_seq: 1,
            state_hash: Some(Hash::of(b"the room's state")),
            salt: [u8::try_from(at)?; 16],
        };
        let event = draft.sign(key)?;
        prev = Some(event.hash());
        events.push(event.into_inner());
    }
    Ok(events)
}

/// Microseconds for each event, in the fastest round: what else runs on the machine only ever makes one slower.
fn each(mut round: impl FnMut()) -> f64 {
    let began = Instant::now();
    let mut fastest = Duration::MAX;
    while began.elapsed() < TIME {
        let start = Instant::now();
        round();
        fastest = fastest.min(start.elapsed());
    }
    fastest.as_secs_f64() * 1e6 / EVENTS as f64
}

fn measure() -> Result<(), Failed> {
    let key = KeyPair::from_seed(&[7; 32]);
    let public = key.public_key();
    let events = log(&key)?;
    let signed: Vec<Vec<u8>> = events.iter().map(Event::signed_bytes).collect();
    let values: Vec<Value> = events.iter().map(Event::to_value).collect();
    let body = json!({ "events": values }).to_string().into_bytes();
    let bytes = body.len() / EVENTS;

    let raw = each(|| {
        for (event, signed) in events.iter().zip(&signed) {
            let _ = black_box(public.verify_strict(signed, &event.signature));
        }
    });
    let say = |step: &str, us: f64| {
        println!("{}", json!({"step": step, "us": us, "of_raw": us / raw}));
    };
    say("strict signature alone", raw);
    say(
        &format!("read strictly from JSON, {bytes} bytes"),
        each(|| {
            let _ = black_box(incoming::read_send(&body, LIMITS));
        }),
    );
    say(
        "canonical form of the envelope",
        each(|| {
            for event in &events {
                black_box(event.signed_bytes());
            }
        }),
    );
    say(
        "SHA-256 of that",
        each(|| {
            for signed in &signed {
                black_box(Hash::of(signed));
            }
        }),
    );
    say(
        "id that follows from the envelope",
        each(|| {
            for event in &events {
                black_box(event.derived_id());
            }
        }),
    );
    say(
        "canonical form of the content",
        each(|| {
            for event in &events {
                black_box(event.content.as_ref().map(canonical::to_vec));
            }
        }),
    );
    say(
        "canonical form and hash of the content",
        each(|| {
            for event in &events {
                if let (Some(content), Some(salt)) = (&event.content, &event.salt) {
                    black_box(content::content_hash(content, salt));
                }
            }
        }),
    );
    say(
        "a copy of the event",
        each(|| {
            for event in &events {
                black_box(event.clone());
            }
        }),
    );
    say(
        "everything after reading, that copy included",
        each(|| {
            for event in &events {
                let _ = black_box(verify(event.clone(), public));
            }
        }),
    );
    let unverified = incoming::read_send(&body, LIMITS)?
        .into_iter()
        .filter(|event| {
            let verified = event
                .as_ref()
                .is_ok_and(|event| verify(event.clone(), public).is_ok());
            !verified
        });
    match unverified.count() {
        0 => Ok(()),
        count => Err(format!("{count} of {EVENTS} events do not verify").into()),
    }
}
