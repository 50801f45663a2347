//! A gateway watches while a fleet of connections is loaded.

use crate::error::DemoError;
use crate::fleet;
use crate::gateway::{Gateway, Voice};
use crate::output::tell;
use crate::stage::{Stage, check};

/// Changes that a gateway prints one by one.
const PRINTED_MAX: u64 = 60;

pub(crate) async fn watch_and_load(stage: &mut Stage) -> Result<(), DemoError> {
    stage.title("A gateway connects to NATS and watches; so far there is nothing to see")?;
    stage.ledger.wait_until_published().await?;
    let gateway =
        Gateway::start(stage.ledger.watcher().await?, Voice::Brief { first: PRINTED_MAX });
    gateway.wait("the beginning", |seen| seen.caught_up.is_some()).await?;
    check(gateway.seen().initial == 0, "a new ledger holds no connections")?;
    stage.gateway = Some(gateway);

    let count = stage.connections;
    stage.title(&format!("{count} connections are loaded over NATS, 64 commands in flight"))?;
    tell("  Among them one shaped like each of Blaxel's, Pica's, Umbraco.AI's, Portkey's and")?;
    tell("  ElevenLabs' documented examples. Secrets are sealed before anything is stored.")?;
    let mark = stage.secrets.mark().to_owned();
    stage.shell.listen_for(&mark);
    let bodies = fleet::bodies(count, &mut stage.secrets);
    let input = bodies.iter().fold(String::new(), |text, body| text + &body.to_string() + "\n");
    let ran = stage.shell.run(&["load", "-"], Some(&input)).await?;
    ran.expect(0)?;
    check(ran.stdout.contains(&format!("created {count}, repeated 0, refused 0")), ran.stdout)?;
    let position = stage.ledger.head().await?;
    stage.gateway()?.wait_for(position).await?;
    let told = stage.gateway()?.seen().latest.len();
    check(told == count, format!("the gateway was told of {told} connections"))?;
    stage.gateway()?.speak(Voice::Loud);
    tell("  The same load again makes nothing twice:")?;
    let again = stage.shell.run(&["load", "-"], Some(&input)).await?;
    again.expect(0)?;
    check(again.stdout.contains(&format!("created 0, repeated {count}")), again.stdout)?;

    tell("  A second gateway comes late and is told where each connection stands:")?;
    let late = Gateway::start(stage.ledger.watcher().await?, Voice::Brief { first: 0 });
    late.wait_for(position).await?;
    let seen = late.seen();
    check(seen.initial == count as u64, format!("{} initial states came", seen.initial))?;
    check(seen.latest == stage.gateway()?.seen().latest, "both gateways know the same")?;
    tell(format!("  {count} states, and both gateways know the same"))
}
