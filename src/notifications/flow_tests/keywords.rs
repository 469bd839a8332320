//! Keyword alerts, through the router.

use http::Method;
use serde_json::json;

use super::{Home, pairs};

async fn mentions(home: &Home) -> i64 {
    let room = home.house.get("bob", "state").await.ok();
    room["mention_count"].as_i64().unwrap()
}

#[tokio::test]
async fn keywords_count_and_notify_in_any_case_as_whole_words() {
    let home = Home::build().await;
    home.prefer(json!({"keyword_alerts": ["Deploy", "release plan"]}))
        .await;
    home.house.say("alice", "we DEPLOY now").await;
    home.house.say("alice", "redeployed").await;
    home.house.say("alice", "the Release\nPlan is out").await;
    home.mention("deploy, @bob").await;
    home.house.say("bob", "I deploy").await;
    assert_eq!(
        home.told().await,
        pairs(&[
            ("keyword_alert", "we DEPLOY now"),
            ("keyword_alert", "the Release Plan is out"),
            ("direct_mention", "deploy, @bob"),
        ])
    );
    // The own message moved the marker.
    assert_eq!(mentions(&home).await, 0);
    home.mention("deploy again, @bob").await;
    home.house.say("carol", "deploy").await;
    assert_eq!(mentions(&home).await, 2, "each message counts once");
    assert_eq!(
        home.inbox().await[..2],
        pairs(&[
            ("keyword_alert", "deploy"),
            ("direct_mention", "deploy again, @bob")
        ])
    );
}

#[tokio::test]
async fn keywords_pass_the_mode_none() {
    let home = Home::build().await;
    home.prefer(json!({"keyword_alerts": ["deploy"]})).await;
    let mode = json!({"mode": "none"});
    home.house.put("bob", "notification-mode", mode).await.ok();
    home.house.say("alice", "deploy").await;
    home.house.say("alice", "plain").await;
    assert_eq!(home.told().await, pairs(&[("keyword_alert", "deploy")]));
}

#[tokio::test]
async fn a_keyword_counts_for_what_came_while_it_was_asked_for() {
    let home = Home::build().await;
    home.house.say("alice", "deploy before").await;
    home.prefer(json!({"keyword_alerts": ["deploy", "beer"]}))
        .await;
    home.house.say("alice", "deploy while").await;
    let told = home.told().await;
    assert_eq!(told, pairs(&[("keyword_alert", "deploy while")]));
    home.prefer(json!({"keyword_alerts": ["beer"]})).await;
    home.house.say("alice", "deploy after").await;
    home.house.say("alice", "a Beer?").await;
    assert_eq!(mentions(&home).await, 2);
    assert_eq!(home.told().await, pairs(&[("keyword_alert", "a Beer?")]));
}

#[tokio::test]
async fn an_edit_changes_what_a_message_holds_and_a_redaction_takes_it_away() {
    let home = Home::build().await;
    home.prefer(json!({"keyword_alerts": ["deploy"]})).await;
    let id = home.house.say("alice", "nothing").await;
    let edit = async |body: &str| {
        let content = json!({"content": {"body": body}});
        let path = format!("events/{id}/edit");
        home.house.post("alice", &path, content).await.ok();
    };
    assert_eq!(mentions(&home).await, 0);
    edit("deploy").await;
    assert_eq!(mentions(&home).await, 1);
    edit("nothing again").await;
    assert_eq!(mentions(&home).await, 0);
    edit("deploy!").await;
    let path = format!("events/{id}/redact");
    home.house.post("alice", &path, json!({})).await.ok();
    assert_eq!(mentions(&home).await, 0);
    // Only new mentions notify.
    assert_eq!(home.told().await, []);
}

#[tokio::test]
async fn words_of_others_concern_nobody_else() {
    let home = Home::build().await;
    let wants = json!({"keyword_alerts": ["deploy"]});
    home.ask("carol", Method::PUT, "/v1/me/preferences", wants)
        .await
        .ok();
    home.house.say("alice", "deploy").await;
    assert_eq!(mentions(&home).await, 0);
    assert_eq!(home.told().await, []);
    let carols = home.house.get("carol", "state").await.ok();
    assert_eq!(carols["mention_count"], 1);
}
