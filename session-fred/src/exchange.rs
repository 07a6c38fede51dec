//! What is sent to one server, and what comes back.

use fred::clients::{Client, Pipeline, WithOptions};
use fred::interfaces::ClientLike as _;
use fred::types::{CustomCommand, Value};
use session_core::{Effect, Error, ErrorKind, Result};
use session_redis_wire::cluster::Question;
use session_redis_wire::{Call, Reply};
use tokio::time::Instant;

use crate::connection::Link;
use crate::convert;

/// The answer to a question.
pub(crate) async fn answer(link: &Link, question: Question<'_>, until: Instant) -> Result<Reply> {
    let client = link.ready(until).await?;
    match question {
        Question::Run(call) => run(&client, call, false).await,
        Question::RunAsking(call) => run(&client, call, true).await,
        Question::Slots => ask(&client, "CLUSTER", &["SLOTS"]).await,
        Question::Info => ask(&client, "INFO", &["server"]).await,
        Question::Ping => ask(&client, "PING", &[]).await,
    }
}

/// Runs a script. `EVALSHA`; and once more by `EVAL` if the server did not know the script, and so did
/// not run it.
async fn run(client: &WithOptions<Client>, call: &Call, asking: bool) -> Result<Reply> {
    let evalsha = arguments(call.script.sha(), call);
    let answer = match evaluate(client, "EVALSHA", evalsha, asking).await {
        Err(error) if convert::is_unknown_script(&error) => {
            let eval = arguments(call.script.source(), call);
            evaluate(client, "EVAL", eval, asking).await
        }
        answer => answer,
    };
    convert::reply(answer.map_err(convert::error)?)
}

fn arguments(script: &'static str, call: &Call) -> Vec<Value> {
    let mut arguments = Vec::with_capacity(2 + call.keys.len() + call.args.len());
    arguments.push(Value::from_static_str(script));
    arguments.push(call.keys.len().to_string().into());
    arguments.extend(
        call.keys
            .iter()
            .chain(&call.args)
            .cloned()
            .map(Value::Bytes),
    );
    arguments
}

/// Behind `ASKING`, if that is needed, in one round trip.
///
/// As custom commands: the client's own methods for scripts leave its options aside, the timeout too.
async fn evaluate(
    client: &WithOptions<Client>,
    command: &'static str,
    arguments: Vec<Value>,
    asking: bool,
) -> Result<Value, fred::error::Error> {
    if !asking {
        return client.custom(command_of(command), arguments).await;
    }
    let pipeline = Pipeline::from(client.clone());
    let () = pipeline
        .custom(command_of("ASKING"), Vec::<Value>::new())
        .await?;
    let () = pipeline.custom(command_of(command), arguments).await?;
    let answer = pipeline.try_all().await.pop();
    answer.unwrap_or_else(|| Err(fred::error::Error::new_canceled()))
}

/// The answer to one command.
async fn ask(
    client: &WithOptions<Client>,
    command: &'static str,
    arguments: &[&'static str],
) -> Result<Reply> {
    let answer = client.custom(command_of(command), arguments.to_vec()).await;
    convert::reply(answer.map_err(convert::error)?)
}

fn command_of(name: &'static str) -> CustomCommand {
    CustomCommand::new_static(name, None::<u16>, false)
}

/// The operation's answer, if it comes in time; else an error that says what is known of the effect.
pub(crate) async fn in_time<T>(
    until: Instant,
    effect: Effect,
    operation: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout_at(until, operation).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::new(ErrorKind::Timeout, effect)),
    }
}
