//! What a play came to, for whoever looks into a seed that fails: `SCAIWAVE_SIMULATION_SHOW=1` prints it.

use super::script::Play;
use crate::events::core::event::Event;
use crate::rooms::judgement_tests::arrival::held;
use crate::rooms::judgement_tests::oracle::Oracle;
use crate::rooms::judgement_tests::world::World;

/// Prints all logs, what the rule says of each event, and what each server has of it.
pub(super) async fn print(play: &Play, world: &World) {
    let oracle = Oracle::new(world);
    let mut by_server = Vec::new();
    for node in &play.nodes {
        println!("{}", node.name);
        for end in node.ends(play.room).await {
            let (origin, forked_at) = (&end.origin, end.forked_at);
            println!(
                "  {origin} ends at {} {}, forked at {forked_at:?}",
                end.epoch, end.seq
            );
        }
        by_server.push((&node.name, held(node.app(), play.room).await));
    }
    for event in world.events() {
        print_event(event);
        if event.content.is_some() {
            println!("  {} by the rule", oracle.verdict(event).as_str());
        }
        for (name, held) in &by_server {
            match held.get(&event.event_id.to_string()) {
                Some(held) if held.has_content => println!("  {} on {name}", held.verdict),
                Some(held) => println!("  {} without content on {name}", held.verdict),
                None => println!("  not on {name}"),
            }
        }
    }
}

fn print_event(event: &Event) {
    let Event {
        origin,
        epoch,
        seq,
        event_type,
        state_seq,
        ..
    } = event;
    let sender = event
        .sender
        .as_ref()
        .map_or("nobody", |sender| sender.as_str());
    println!(
        "{origin} {epoch} {seq}: {event_type} by {sender} at {} on state {state_seq}",
        event.ts
    );
    if let Some(content) = &event.content {
        println!("  {} {content}", event.event_id);
    }
}
