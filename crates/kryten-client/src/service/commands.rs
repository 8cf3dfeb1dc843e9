//! The commands that a service takes: each by its name, its parameters and its reply as types.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use kryten_protocol::command::Request;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::respond::Refusal;

/// The longest refusal of bad parameters, in characters: serde puts what it met into its text.
const LONGEST_REFUSAL: usize = 300;

type Parameters = Map<String, Value>;
type Answer = Pin<Box<dyn Future<Output = Result<Value, Refusal>> + Send>>;

/// The parameters of a command that has none; whatever is sent is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub struct NoParameters {}

/// Commands by name.
#[derive(Clone, Default)]
pub(super) struct Commands {
    takers: BTreeMap<String, Arc<dyn Fn(Parameters) -> Answer + Send + Sync>>,
    pub(super) twice: Option<String>,
}

impl Commands {
    pub(super) fn add<P, R, H, F>(&mut self, name: String, take: H)
    where
        P: DeserializeOwned,
        R: Serialize,
        H: Fn(P) -> F + Send + Sync + 'static,
        F: Future<Output = Result<R, Refusal>> + Send + 'static,
    {
        let command = name.clone();
        let taker = move |parameters: Parameters| -> Answer {
            let parameters = match read(&command, parameters) {
                Ok(parameters) => parameters,
                Err(refusal) => return std::future::ready(Err(refusal)).boxed(),
            };
            let (answer, command) = (take(parameters), command.clone());
            async move {
                let reply = answer.await?;
                serde_json::to_value(reply).map_err(|error| {
                    tracing::error!(command, %error, "a reply cannot be written as JSON");
                    Refusal(format!("The reply to {command} cannot be written as JSON"))
                })
            }
            .boxed()
        };
        if self.takers.insert(name.clone(), Arc::new(taker)).is_some() {
            self.twice = Some(name);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.takers.is_empty()
    }

    /// Answers a request, also where the command's own code panics.
    pub(super) async fn answer(&self, request: Request) -> Result<Value, Refusal> {
        let command = request.command;
        let Some(taker) = self.takers.get(&command).cloned() else {
            return Err(format!("Unknown command: {command}").into());
        };
        let parameters = request.parameters;
        let answer = async move { taker(parameters).await };
        let answer = AssertUnwindSafe(answer).catch_unwind().await;
        answer.unwrap_or_else(|_| {
            tracing::error!(command, "a command's code has panicked");
            Err("Internal error".into())
        })
    }
}

impl fmt::Debug for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.takers.keys()).finish()
    }
}

/// Reads parameters, or says in one sentence which of them is wrong.
fn read<P: DeserializeOwned>(command: &str, parameters: Parameters) -> Result<P, Refusal> {
    serde_path_to_error::deserialize(Value::Object(parameters)).map_err(|error| {
        let path = error.path().to_string();
        let problem = error.inner().to_string();
        let text = match path.as_str() {
            "." => format!("Bad parameters of {command}: {problem}"),
            path => format!("Bad parameter {path} of {command}: {problem}"),
        };
        Refusal(text.chars().take(LONGEST_REFUSAL).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(serde::Deserialize)]
    struct Greet {
        name: String,
        #[serde(default)]
        times: u8,
    }

    fn commands() -> Commands {
        let mut commands = Commands::default();
        commands.add("greet".to_owned(), |greet: Greet| async move {
            match greet.times {
                200 => panic!("too often"),
                times => Ok(json!({ "text": format!("hello {} x{times}", greet.name) })),
            }
        });
        commands.add("nothing".to_owned(), |_: NoParameters| async { Ok(()) });
        commands
    }

    async fn ask(command: &str, parameters: Value) -> Result<Value, String> {
        let Value::Object(parameters) = parameters else {
            panic!("parameters are an object");
        };
        let request = Request {
            command: command.to_owned(),
            service: None,
            parameters,
        };
        commands()
            .answer(request)
            .await
            .map_err(|refusal| refusal.0)
    }

    #[tokio::test]
    async fn parameters_and_replies_are_types() {
        assert_eq!(
            ask("greet", json!({"name": "bob", "more": 1})).await,
            Ok(json!({"text": "hello bob x0"}))
        );
        assert_eq!(ask("nothing", json!({"x": 1})).await, Ok(Value::Null));
    }

    #[tokio::test]
    async fn bad_parameters_are_told_in_one_short_sentence() {
        for (parameters, expected) in [
            (json!({}), "Bad parameters of greet: missing field `name`"),
            (
                json!({"name": "bob", "times": "many"}),
                "Bad parameter times of greet: invalid type: string \"many\", expected u8",
            ),
            (
                json!({"name": "bob", "times": 300}),
                "Bad parameter times of greet: invalid value: integer `300`, expected u8",
            ),
        ] {
            assert_eq!(ask("greet", parameters).await, Err(expected.to_owned()));
        }
        let long = ask("greet", json!({"name": "bob", "times": "ä".repeat(9000)})).await;
        assert_eq!(long.unwrap_err().chars().count(), LONGEST_REFUSAL);
        assert_eq!(
            ask("dance", json!({})).await,
            Err("Unknown command: dance".to_owned())
        );
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_too() {
        let answer = ask("greet", json!({"name": "bob", "times": 200})).await;
        assert_eq!(answer, Err("Internal error".to_owned()));
    }

    #[test]
    fn a_name_given_twice_is_noticed() {
        let mut commands = commands();
        assert_eq!(commands.twice, None);
        commands.add("greet".to_owned(), |_: NoParameters| async { Ok(()) });
        assert_eq!(commands.twice.as_deref(), Some("greet"));
    }
}
