//! A gateway watches while a fleet of connections is loaded.

use crate::context::{Context, check};
use crate::error::DemoError;
use crate::fleet;
use crate::gateway::{Gateway, Verbosity};
use crate::output::tell;

/// Changes that a gateway prints one by one.
const PRINTED_MAX: u64 = 60;

pub(crate) async fn watch_and_load(context: &mut Context) -> Result<(), DemoError> {
    context.title("A gateway connects to NATS and watches; the ledger is still empty")?;
    context.ledger.wait_until_published().await?;
    let gateway =
        Gateway::start(context.ledger.watcher().await?, Verbosity::Brief { first: PRINTED_MAX });
    gateway.wait("the beginning", |seen| seen.caught_up.is_some()).await?;
    check(gateway.seen().initial == 0, "a new ledger holds no connections")?;
    context.gateway = Some(gateway);

    let count = context.connections;
    context.title(&format!("{count} connections are loaded over NATS, 64 commands in flight"))?;
    tell("  Among them one shaped like each of Blaxel's, Pica's, Umbraco.AI's, Portkey's and")?;
    tell("  ElevenLabs' documented examples. Secrets are sealed before anything is stored.")?;
    let mark = context.secrets.mark().to_owned();
    context.shell.listen_for(&mark);
    let bodies = fleet::bodies(count, &mut context.secrets);
    let input = bodies.iter().fold(String::new(), |text, body| text + &body.to_string() + "\n");
    let ran = context.shell.run(&["load", "-"], Some(&input)).await?;
    ran.expect(0)?;
    check(ran.stdout.contains(&format!("created {count}, repeated 0, refused 0")), ran.stdout)?;
    let position = context.ledger.head().await?;
    context.gateway()?.wait_for(position).await?;
    let received = context.gateway()?.seen().latest.len();
    check(received == count, format!("the gateway received {received} connections"))?;
    context.gateway()?.set_verbosity(Verbosity::Full);
    tell("  Loading the same file again creates nothing twice:")?;
    let again = context.shell.run(&["load", "-"], Some(&input)).await?;
    again.expect(0)?;
    check(again.stdout.contains(&format!("created 0, repeated {count}")), again.stdout)?;

    tell("  A second gateway connects late and receives the state of each connection:")?;
    let late = Gateway::start(context.ledger.watcher().await?, Verbosity::Brief { first: 0 });
    late.wait_for(position).await?;
    let seen = late.seen();
    check(seen.initial == count as u64, format!("{} initial states arrived", seen.initial))?;
    check(seen.latest == context.gateway()?.seen().latest, "both gateways have the same states")?;
    tell(format!("  {count} states, the same at both gateways"))
}
