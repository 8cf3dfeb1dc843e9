use kryten_client::command::CommandError;
use kryten_client::respond::{Refusal, Responder};
use kryten_protocol::userstats::reply::{Health, TopUsers};
use kryten_protocol::userstats::{InChannel, OfUser, UserstatsCommand};
use serde_json::{Value, json};

use crate::fixture::server_and_client;

#[tokio::test]
async fn answers_are_typed_and_refusals_are_errors() {
    let (_server, client) = server_and_client().await;
    let _responder = Responder::start(&client, "userstats", |request| async move {
        let answer: Result<Value, Refusal> = match request.command.as_str() {
            "channel.top_users" => Ok(json!({
                "channel": request.parameters["channel"], "top_users": [{"username": "bob", "count": 7}],
            })),
            "alias.add" if request.parameters["alias"] == "al" => {
                Ok(json!({"username": "Alice", "alias": "al", "added": true, "message": "Added"}))
            }
            "alias.add" => Ok(json!({"added": false, "message": "Alias 'x' is already assigned to user 'bob'"})),
            "alias.delete" => Ok(json!({"deleted": true, "message": "Deleted"})),
            "system.health" => Ok(json!({"status": "healthy"})),
            _ => Err("username required".into()),
        };
        answer
    })
    .await
    .unwrap();
    let userstats = client.userstats();
    let command = UserstatsCommand::ChannelTopUsers {
        of: InChannel::new("Lounge"),
        limit: None,
    };
    let top: TopUsers = userstats.ask(command).await.unwrap();
    assert_eq!(
        (top.channel.as_str(), top.top_users[0].count),
        ("Lounge", 7)
    );
    userstats.add_alias("Alice", "al").await.unwrap();
    userstats.delete_alias("Alice", "al").await.unwrap();
    let taken = userstats.add_alias("Alice", "x").await;
    assert!(
        matches!(&taken, Err(CommandError::Refused { error, .. }) if error.contains("already assigned")),
        "{taken:?}"
    );
    let refused = userstats.user_stats(OfUser::new("")).await;
    assert!(
        matches!(&refused, Err(CommandError::Refused { error, .. }) if error == "username required")
    );
    let odd = userstats
        .ask::<Health>(UserstatsCommand::SystemHealth)
        .await;
    assert!(
        matches!(odd, Err(CommandError::Malformed { .. })),
        "{odd:?}"
    );
}
