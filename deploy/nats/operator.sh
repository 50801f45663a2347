#!/bin/sh
# The accounts and users of ledger.conf for a NATS server in operator mode, made with nsc.
#
#   nsc add operator --generate-signing-key --sys --name my-operator     # when there is none yet
#   sh operator.sh FOLDER                                                # makes FOLDER/*.creds
#   nsc generate config --mem-resolver --config-file resolver.conf       # or: nsc push --all
#
# To change before use: `acme`, which is a workspace. For another workspace copy its two users. With
# `connledger serve --prefix team`, `ledger.` is `team.`, LEDGER_EVENTS is TEAM_EVENTS,
# `ledger-connections` is `team-connections`, and `ledger-owner` is `team-owner`. What each line is
# for, ledger.conf says.
#
# tests/acceptance/permissions makes JWTs of the lines below and tests them on a real server.
set -eu
folder=${1:?name a folder for the credentials}
umask 077
mkdir -p "$folder"

nsc add account --name LEDGER
nsc edit account --name LEDGER --js-mem-storage -1 --js-disk-storage -1 \
  --js-streams -1 --js-consumer -1
nsc add account --name USERS
users=$(nsc describe account --name USERS --json --field sub | tr -d '"')

# Lets USERS, and no other account of the operator, ask for something of LEDGER:
# offer NAME SUBJECT ANSWERS SUBJECT-THERE
offer() {
  nsc add export --account LEDGER --name "$1" --subject "$2" --service --private \
    --response-type "$3"
  nsc generate activation --account LEDGER --subject "$2" --target-account "$users" \
    --output-file "$folder/$1.jwt"
  nsc add import --account USERS --name "$1" --token "$folder/$1.jwt" --local-subject "$4"
}

offer commands 'ledger.cmd.>' Singleton 'ledger.cmd.>'
offer queries 'ledger.query.>' Singleton 'ledger.query.>'
offer reveals 'ledger.reveal.>' Singleton 'ledger.reveal.>'
offer operations 'ledger.admin.>' Stream 'ledger.admin.>'
offer watch-events '$JS.API.CONSUMER.CREATE.LEDGER_EVENTS.>' Singleton \
  'ledger.js.CONSUMER.CREATE.LEDGER_EVENTS.>'
offer watch-bucket '$JS.API.CONSUMER.CREATE.KV_ledger-connections.>' Singleton \
  'ledger.js.CONSUMER.CREATE.KV_ledger-connections.>'
offer leave-events '$JS.API.CONSUMER.DELETE.LEDGER_EVENTS.*' Singleton \
  'ledger.js.CONSUMER.DELETE.LEDGER_EVENTS.$1'
offer leave-bucket '$JS.API.CONSUMER.DELETE.KV_ledger-connections.*' Singleton \
  'ledger.js.CONSUMER.DELETE.KV_ledger-connections.$1'
offer fetch-events '$JS.API.CONSUMER.MSG.NEXT.LEDGER_EVENTS.*' Stream \
  'ledger.js.CONSUMER.MSG.NEXT.LEDGER_EVENTS.$1'
offer fetch-bucket '$JS.API.CONSUMER.MSG.NEXT.KV_ledger-connections.*' Stream \
  'ledger.js.CONSUMER.MSG.NEXT.KV_ledger-connections.$1'

# The ledger: connledger serve --nats-creds FOLDER/ledger.creds --nats-inbox-prefix _INBOX_ledger
nsc add user --account LEDGER --name ledger \
  --allow-pub 'ledger.events.>' \
  --allow-pub '_R_.>' \
  --allow-pub '$KV.ledger-owner.owner' \
  --allow-pub '$JS.API.STREAM.CREATE.KV_ledger-owner' \
  --allow-pub '$JS.API.STREAM.UPDATE.KV_ledger-owner' \
  --allow-pub '$JS.API.STREAM.INFO.KV_ledger-owner' \
  --allow-pub '$JS.API.STREAM.MSG.GET.KV_ledger-owner' \
  --allow-pub '$JS.API.INFO' \
  --allow-pub '$JS.API.STREAM.CREATE.LEDGER_EVENTS' \
  --allow-pub '$JS.API.STREAM.CREATE.KV_ledger-connections' \
  --allow-pub '$JS.API.STREAM.UPDATE.LEDGER_EVENTS' \
  --allow-pub '$JS.API.STREAM.UPDATE.KV_ledger-connections' \
  --allow-pub '$JS.API.STREAM.DELETE.LEDGER_EVENTS' \
  --allow-pub '$JS.API.STREAM.DELETE.KV_ledger-connections' \
  --allow-pub '$JS.API.STREAM.INFO.LEDGER_EVENTS' \
  --allow-pub '$JS.API.STREAM.INFO.KV_ledger-connections' \
  --allow-pub '$JS.API.STREAM.MSG.GET.LEDGER_EVENTS' \
  --allow-pub 'ledger.checkpoints' \
  --allow-pub '$JS.API.STREAM.CREATE.LEDGER_CHECKPOINTS' \
  --allow-pub '$JS.API.STREAM.INFO.LEDGER_CHECKPOINTS' \
  --allow-pub '$JS.API.STREAM.MSG.GET.LEDGER_CHECKPOINTS' \
  --allow-sub 'ledger.cmd.>' \
  --allow-sub 'ledger.query.>' \
  --allow-sub 'ledger.admin.>' \
  --allow-sub 'ledger.reveal.>' \
  --allow-sub '$SRV.>' \
  --allow-sub '_INBOX_ledger.>'

# A gateway of the workspace acme: what its connections are, and their secrets.
nsc add user --account USERS --name gateway-acme \
  --allow-pub 'ledger.js.CONSUMER.CREATE.LEDGER_EVENTS.*.ledger.events.acme.>' \
  --allow-pub 'ledger.js.CONSUMER.CREATE.KV_ledger-connections.*.$KV.ledger-connections.acme.>' \
  --allow-pub 'ledger.js.CONSUMER.MSG.NEXT.LEDGER_EVENTS.*' \
  --allow-pub 'ledger.js.CONSUMER.MSG.NEXT.KV_ledger-connections.*' \
  --allow-pub 'ledger.js.CONSUMER.DELETE.LEDGER_EVENTS.*' \
  --allow-pub 'ledger.js.CONSUMER.DELETE.KV_ledger-connections.*' \
  --allow-pub 'ledger.query.acme.list' \
  --allow-pub 'ledger.reveal.acme.*' \
  --allow-pub 'ledger.reveal.acme.*.lease-secrets' \
  --allow-pub 'ledger.reveal.acme.*.read-leased-secrets' \
  --allow-pub 'ledger.cmd.acme.renew-lease' \
  --allow-pub 'ledger.cmd.acme.return-lease' \
  --allow-pub 'ledger.cmd.acme.confirm-secret' \
  --allow-sub '_INBOX_gateway-acme.>'

# Who manages the connections of acme: commands and questions, no secrets, no watching.
nsc add user --account USERS --name manager-acme \
  --allow-pub 'ledger.cmd.acme.*' \
  --allow-pub 'ledger.query.acme.*' \
  --allow-sub '_INBOX_manager-acme.>'

# Who runs the ledger: every workspace, principals and keys, and replays.
nsc add user --account USERS --name administrator \
  --allow-pub 'ledger.cmd.>' \
  --allow-pub 'ledger.query.>' \
  --allow-pub 'ledger.admin.>' \
  --allow-pub 'ledger.reveal.*.*' \
  --allow-pub 'ledger.reveal.*.*.lease-secrets' \
  --allow-pub 'ledger.reveal.*.*.read-leased-secrets' \
  --allow-pub 'ledger.js.CONSUMER.CREATE.LEDGER_EVENTS.*.ledger.events.>' \
  --allow-pub 'ledger.js.CONSUMER.CREATE.KV_ledger-connections.*.$KV.ledger-connections.>' \
  --allow-pub 'ledger.js.CONSUMER.MSG.NEXT.LEDGER_EVENTS.*' \
  --allow-pub 'ledger.js.CONSUMER.MSG.NEXT.KV_ledger-connections.*' \
  --allow-pub 'ledger.js.CONSUMER.DELETE.LEDGER_EVENTS.*' \
  --allow-pub 'ledger.js.CONSUMER.DELETE.KV_ledger-connections.*' \
  --allow-sub '_INBOX_administrator.>'

# Who reads all events and changes nothing: auditors, observers, copies elsewhere.
nsc add user --account USERS --name auditor \
  --allow-pub 'ledger.js.CONSUMER.CREATE.LEDGER_EVENTS.*.ledger.events.>' \
  --allow-pub 'ledger.js.CONSUMER.CREATE.KV_ledger-connections.*.$KV.ledger-connections.>' \
  --allow-pub 'ledger.js.CONSUMER.MSG.NEXT.LEDGER_EVENTS.*' \
  --allow-pub 'ledger.js.CONSUMER.MSG.NEXT.KV_ledger-connections.*' \
  --allow-pub 'ledger.js.CONSUMER.DELETE.LEDGER_EVENTS.*' \
  --allow-pub 'ledger.js.CONSUMER.DELETE.KV_ledger-connections.*' \
  --allow-sub '_INBOX_auditor.>'

nsc generate creds --account LEDGER --name ledger --output-file "$folder/ledger.creds"
for user in gateway-acme manager-acme administrator auditor; do
  nsc generate creds --account USERS --name "$user" --output-file "$folder/$user.creds"
done
