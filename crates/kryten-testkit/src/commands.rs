//! What bots ask of the robot, as it goes over the wire.

use std::sync::{Mutex, PoisonError};

use kryten_client::Client;
use kryten_protocol::command::Request;
use kryten_protocol::robot::SERVICE;
use kryten_protocol::subject;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::until::{OrEndTest, PATIENCE};

/// A command to the robot, whatever the robot made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenCommand {
    /// The command, such as `say`.
    pub name: String,
    /// The request's fields beside `command` and `service`: `args` and `meta`, and parameters of questions.
    pub parameters: Map<String, Value>,
}

impl SeenCommand {
    /// An argument; null without one.
    pub fn argument(&self, name: &str) -> &Value {
        let args = self.parameters.get("args").and_then(|args| args.get(name));
        args.or_else(|| self.parameters.get(name))
            .unwrap_or(&Value::Null)
    }

    /// Whether it only asks, and changes nothing in the channel.
    pub fn is_question(&self) -> bool {
        self.name.starts_with("state.") || self.name.starts_with("system.")
    }
}

/// Hears what is asked, beside the robot.
#[derive(Debug)]
pub(crate) struct Commands {
    seen: watch::Receiver<Vec<SeenCommand>>,
    /// Up to where [`Commands::next`] has looked.
    looked: Mutex<usize>,
    task: JoinHandle<()>,
}

impl Commands {
    pub(crate) async fn follow(client: &Client) -> Self {
        let subject = subject::command(SERVICE).expect("the robot's name is a usable token");
        let subscribed = client.nats().subscribe(subject).await;
        let mut inbox = subscribed.or_end_test("hear what the robot is asked");
        kryten_client::round_trip::round_trip(&client.nats()).await;
        let (seen_tx, seen) = watch::channel(Vec::new());
        let task = tokio::spawn(async move {
            while let Some(message) = futures_util::StreamExt::next(&mut inbox).await {
                let request = serde_json::from_slice::<Request>(&message.payload);
                // What is no request the robot refuses.
                if let Ok(Request {
                    command: name,
                    parameters,
                    ..
                }) = request
                {
                    seen_tx.send_modify(|seen| seen.push(SeenCommand { name, parameters }));
                }
            }
        });
        Self {
            seen,
            looked: Mutex::new(0),
            task,
        }
    }

    /// The first command after the one that was returned last which matches.
    pub(crate) async fn next(&self, mut matches: impl FnMut(&SeenCommand) -> bool) -> SeenCommand {
        let mut seen = self.seen.clone();
        let from = *self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut looked = from;
        let mut found = None;
        let find = |seen: &Vec<SeenCommand>| {
            while found.is_none() && looked < seen.len() {
                found = Some(seen[looked].clone()).filter(&mut matches);
                looked += 1;
            }
            found.is_some()
        };
        let waited = tokio::time::timeout(PATIENCE, seen.wait_for(find)).await;
        drop(waited);
        match found {
            Some(command) => {
                *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = looked;
                command
            }
            None => panic!(
                "the robot was not asked for it within {} s; since then it was asked for {:?}",
                PATIENCE.as_secs(),
                &self.seen.borrow()[from..]
            ),
        }
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        self.task.abort();
    }
}
