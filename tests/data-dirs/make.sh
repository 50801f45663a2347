#!/usr/bin/env bash
# Makes a data directory of the current format, for tests/data-dirs/<format>. See README.md there.
#
#   make.sh CONNLEDGER NEW_FOLDER
#
# CONNLEDGER is the program of the version to keep. It finds nats-server in PATH or in
# CONNLEDGER_NATS_SERVER. NEW_FOLDER must not exist.
set -euo pipefail

program=$(realpath "$1")
folder=$2
mkdir "$folder"
cd "$folder"
unset CONNLEDGER_KEY CONNLEDGER_KEY_FILE CONNLEDGER_WORKSPACE

# These keys have to open the directory forever.
"$program" init --data-dir data --master-key-file master.key --key-lifetime never \
    --out admin.key
"$program" serve --data-dir data --master-key-file master.key --listen off --log warn \
    --allow-check-network 127.0.0.0/8 &
server=$!
service=
trap 'kill "$server" $service 2>/dev/null || true' EXIT

ledger() {
    "$program" "$@" --data-dir data --key-file admin.key
}
until ledger status >/dev/null 2>&1; do
    kill -0 "$server"
    sleep 0.1
done

ledger workspace create search --name "Search team"
ledger workspace create empty

# A connection with everything: two secrets, rotated, shared, limited, priced, with a dependent.
ledger create --slug openai-prod --provider openai --name "OpenAI" --description "The first one" \
    --config base_url=https://api.openai.com/v1 --secret api_key=sk-not-a-real-key-0001 \
    --secret org_key=org-not-a-real-key-0001 --tag llm --label team=search --label stage=prod
ledger rotate-secret openai-prod --secret api_key=sk-not-a-real-key-0002 --command-id rotate-1 \
    --correlation-id incident-7
ledger update openai-prod --name "OpenAI, production" --config timeout=30
ledger update openai-prod --config base_url=https://eu.api.openai.com/v1
ledger update openai-prod --config note=secret-in-the-clear
ledger update openai-prod --unset config.note --redact note
ledger grant-workspace openai-prod --to search --rate 600 --rate-unit rpm
ledger set-model-policy openai-prod --only gpt-4o gpt-4o-mini
ledger set-pricing openai-prod --multiplier default=1.2
ledger link-dependent openai-prod tool tool-001 --name "Code Analyzer"
ledger mark-degraded openai-prod --reason "429 from the provider"
ledger reveal openai-prod --field api_key --reason "kept for later versions" >/dev/null

# One whose first value comes back, and one that was archived and gave its slug away.
ledger create --slug warehouse --provider postgresql -w search --secret password=not-a-real-one-1
ledger update warehouse -w search --secret password=not-a-real-one-2
ledger revert warehouse -w search --to-version 1
ledger disable warehouse -w search --reason "maintenance"
ledger create --slug old --provider anthropic --secret api_key=not-a-real-key-0003
ledger archive old --reason "replaced"
ledger create --slug old --provider anthropic --secret api_key=not-a-real-key-0004

# Principals of each kind; keys that are good, revoked, and of somebody who is disabled.
ledger principal create eu-1 --kind gateway --role gateway --workspace default
ledger principal create ada --kind user --role editor --provider openai --label team=search
ledger principal create ci --kind service --role viewer
ledger key issue --for eu-1 --label "kept" --expires-in never --out gateway.key
ledger key issue --for ci --expires-in never --out revoked.key
ledger key revoke "$(cut -d_ -f3 revoked.key)" --reason "seen in a log"
ledger principal disable ada --reason "left"

ledger token block --subject mallory --reason "left"

# A value that is in another connection, one that others know, and one that overlapped with the next.
ledger create --slug mirror --provider openai --secret-ref api_key=connection:openai-prod/api_key
ledger create --slug leaky --provider mistral --secret api_key=not-a-real-key-0005
ledger rotate-secret leaky --secret api_key=not-a-real-key-0006 --compromised
ledger rotate-secret leaky --secret api_key=not-a-real-key-0007 --keep-former-until 90d
ledger retire-former leaky

# A lease that was read and returned, a token that was used, policies, and a connection that is gone.
lease=$(ledger lease take leaky --reason "kept for later versions" --json |
    sed 's/.*"lease":"\([^"]*\)".*/\1/')
ledger lease read leaky "$lease" >/dev/null
ledger lease return leaky "$lease"
token=$(ledger reveal leaky --reason "kept for later versions" --wrap 10m)
ledger unwrap "$token" >/dev/null
ledger policy set --ledger --min-length 8
ledger policy set -w search --field password --max-age-days 365
ledger policy remove -w search --field password
# An alert with what waits for a receiver that is never there, and one that was removed.
ledger alert create ops --url https://alerts.invalid/hook --label team=search >/dev/null
ledger alert rotate-secret ops --signature ed25519 --overlap-seconds 3600 >/dev/null
ledger alert update ops --on health-changed,secret-rotated
ledger alert create old --ledger --url https://alerts.invalid/old >/dev/null
ledger alert remove old --ledger
ledger mark-failed openai-prod --reason "for the alert"
until ledger alert show ops --json | grep -q '"down_since":"'; do
    sleep 0.1
done
gone=$(ledger create --slug gone --provider cohere --config note=forgotten \
    --secret api_key=not-a-real-key-0008 --json | sed 's/.*"connection":"\([^"]*\)".*/\1/')
ledger erase gone --reason "contract ended"
until ledger erasure "$gone" --json | grep -q '"completed_at":"'; do
    sleep 0.1
done

# One whose token the ledger signs itself, and one that cannot get any.
ledger create --slug signed --provider acme --auth-method private_key_jwt --config issuer=me \
    --config audience=you --config subject=them --secret secret_key=not-a-real-key-0009
ledger reveal signed --field access_token --reason "kept for later versions" >/dev/null
ledger refresh signed
ledger create --slug unreachable --provider acme --auth-method oauth2_client_credentials \
    --config token_url=https://127.0.0.1/token --config client_id=me \
    --secret client_secret=not-a-real-key-0010
ledger refresh unreachable && exit 1

# One that a person connected, with a code for devices. The service answers every request alike.
python3 - >token-service.port <<'EOF' &
import http.server, json

class Service(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = {
            "device_code": "not-a-real-code-0011", "user_code": "ABCD-EFGH", "interval": 1,
            "verification_uri": "https://127.0.0.1/enter", "expires_in": 3600,
            "access_token": "not-a-real-token-0012", "refresh_token": "not-a-real-token-0013",
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

server = http.server.HTTPServer(("127.0.0.1", 0), Service)
print(server.server_port, flush=True)
server.serve_forever()
EOF
service=$!
until [ -s token-service.port ]; do
    sleep 0.1
done
address=http://127.0.0.1:$(cat token-service.port)
ledger create --slug connected --provider acme --auth-method refresh_token --config client_id=me \
    --config "token_url=$address/token" --config "device_authorization_url=$address/device"
ledger connect connected --device
kill "$service"
rm token-service.port

# What this version answers; later versions must still say all of it.
ledger list --all-workspaces --all --lifecycle any --json >list.jsonl
ledger history --all-workspaces --all --json >history.jsonl
ledger principal list --json >principals.jsonl
ledger workspace list --json >workspaces.jsonl

kill "$server"
wait "$server"
trap - EXIT

# The copy of the events in NATS is filled from the log. The database reads neither its diary, which
# names paths of this machine, nor its notes on its own settings.
rm -r data/nats
rm -f data/ledger.lock data/server.json data/store/LOG data/store/LOG.old.* data/store/OPTIONS-*
sed -i.before '1i # TEST DATA. This key was made for this folder and seals nothing that is secret.' \
    master.key && rm master.key.before
