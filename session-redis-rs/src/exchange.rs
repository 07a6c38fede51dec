//! What is sent to one server, and what comes back.

use redis::{Cmd, Pipeline, RedisResult, Value};
use session_core::{Effect, Error, ErrorKind, Result};
use session_redis_wire::cluster::Question;
use session_redis_wire::{Call, Reply};
use tokio::time::Instant;

use crate::connection::Link;
use crate::convert;

/// The answer to a question.
pub(crate) async fn answer(link: &Link, question: Question<'_>) -> Result<Reply> {
    match question {
        Question::Run(call) => {
            let [answer] = run(link, call, &Around::default()).await?;
            answer
        }
        Question::RunAsking(call) => {
            let before = Some(redis::cmd("ASKING"));
            let around = Around {
                before,
                ..Around::default()
            };
            let [_, answer] = run(link, call, &around).await?;
            answer
        }
        Question::Slots => ask(link, redis::cmd("CLUSTER").arg("SLOTS").to_owned()).await,
        Question::Info => ask(link, redis::cmd("INFO").arg("server").to_owned()).await,
        Question::Ping => ask(link, redis::cmd("PING")).await,
    }
}

/// Commands that are sent with a script, in one round trip.
#[derive(Default)]
pub(crate) struct Around {
    pub(crate) before: Option<Cmd>,
    pub(crate) behind: Option<Cmd>,
}

/// Runs a script, and the commands around it. `EVALSHA`; and once more by `EVAL` if the server did not know
/// the script, and so did not run it.
pub(crate) async fn run<const N: usize>(
    link: &Link,
    call: &Call,
    around: &Around,
) -> Result<[Result<Reply>; N]> {
    let commands = |evaluate: Cmd| {
        let mut commands = Pipeline::with_capacity(N);
        if let Some(command) = &around.before {
            commands.add_command(command.clone());
        }
        commands.add_command(evaluate).ignore_errors();
        if let Some(command) = &around.behind {
            commands.add_command(command.clone());
        }
        commands
    };
    let script = usize::from(around.before.is_some());
    let mut answers = send(link, &commands(evalsha(call))).await?;
    if matches!(answers.get(script), Some(Err(error)) if convert::is_unknown_script(error)) {
        answers = send(link, &commands(eval(call))).await?;
    }
    let replies = answers
        .into_iter()
        .map(|answer| answer.map_err(convert::error).and_then(convert::reply));
    let replies: Vec<_> = replies.collect();
    replies
        .try_into()
        .map_err(|_| Error::new(ErrorKind::CorruptReply, Effect::Unknown))
}

/// The answer to one command.
async fn ask(link: &Link, command: Cmd) -> Result<Reply> {
    let mut commands = Pipeline::with_capacity(1);
    commands.add_command(command).ignore_errors();
    match send(link, &commands).await?.pop() {
        Some(answer) => convert::reply(answer.map_err(convert::error)?),
        None => Err(Error::new(ErrorKind::CorruptReply, Effect::Unknown)),
    }
}

async fn send(link: &Link, commands: &Pipeline) -> Result<Vec<RedisResult<Value>>> {
    link.send(commands).await.map_err(convert::error)
}

fn evalsha(call: &Call) -> Cmd {
    with_arguments("EVALSHA", call.script.sha(), call)
}

fn eval(call: &Call) -> Cmd {
    with_arguments("EVAL", call.script.source(), call)
}

fn with_arguments(command: &str, script: &str, call: &Call) -> Cmd {
    let bytes = call.keys.iter().chain(&call.args).map(bytes::Bytes::len);
    let mut cmd = Cmd::with_capacity(
        3 + call.keys.len() + call.args.len(),
        command.len() + script.len() + 2 + bytes.sum::<usize>(),
    );
    cmd.arg(command).arg(script).arg(call.keys.len());
    for key in &call.keys {
        cmd.arg(key.as_ref());
    }
    for arg in &call.args {
        cmd.arg(arg.as_ref());
    }
    cmd
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
