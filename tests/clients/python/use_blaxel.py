"""PyPI blaxel: integration connections. It returns errors that it knows and raises all others."""

import os

from checks import KEY, URL, WORKSPACE, WRONG_KEY, check, done, equal, secret, silent

# It reads these once, when it is imported.
os.environ.update(BL_API_KEY=KEY, BL_WORKSPACE=WORKSPACE)

from blaxel.core.client import client  # noqa: E402
from blaxel.core.client import models as model  # noqa: E402
from blaxel.core.client.api.integrations import (  # noqa: E402
    create_integration_connection,
    delete_integration_connection,
    get_integration,
    get_integration_connection,
    get_integration_connection_model_endpoint_configurations,
    list_integration_connection_models,
    list_integration_connections,
    update_integration_connection,
)

MASK = "********"
client.with_base_url(f"{URL}/v0")


def body(name, **spec):
    labels = model.MetadataLabels.from_dict({"team": "a"})
    made = {
        "integration": "openai",
        "config": model.IntegrationConnectionSpecConfig.from_dict({"organization": "o1"}),
        "secret": model.IntegrationConnectionSpecSecret.from_dict({"apiKey": secret(1)}),
        **spec,
    }
    metadata = model.Metadata(name=name, display_name=f"The {name}", labels=labels)
    return model.IntegrationConnection(metadata, model.IntegrationConnectionSpec(**made))


def create(name, **spec):
    wish = body(name, **spec)
    return create_integration_connection.sync_detailed(client=client, body=wish)


def get(name):
    return get_integration_connection.sync_detailed(name, client=client)


def put(name, wish):
    return update_integration_connection.sync_detailed(name, client=client, body=wish)


def delete(name):
    return delete_integration_connection.sync_detailed(name, client=client)


def listed():
    return list_integration_connections.sync_detailed(client=client).parsed


def refused(name, answer, status):
    equal(name, answer.status_code, status)
    check(name, isinstance(answer.parsed, model.Error), answer.parsed)
    check(name, bool(answer.parsed.error), answer.parsed)
    equal(name, answer.parsed.code, status)
    silent("errors hold no secret", answer.content, answer.parsed)


equal("an empty list", listed(), [])
made = create("main", sandbox=True)
equal("create answers 200", made.status_code, 200)
equal("create answers with the object", made.parsed.metadata.name, "main")
found = get("main")
metadata, spec = found.parsed.metadata, found.parsed.spec
equal("get tells what was made", metadata.display_name, "The main")
equal("get tells what was made", metadata.labels.additional_properties, {"team": "a"})
equal("get tells what was made", metadata.workspace, WORKSPACE)
equal("get tells what was made", (spec.integration, spec.sandbox), ("openai", True))
equal("get tells what was made", spec.config.additional_properties, {"organization": "o1"})
check("times and people come back", metadata.created_at and metadata.updated_at, metadata)
check("times and people come back", metadata.created_by and metadata.updated_by, metadata)
equal("secrets are masked", spec.secret.additional_properties, {"apiKey": MASK})
silent("no secret comes back", made.content, found.content)

whole = found.parsed
whole.metadata.display_name = "Renamed"
changed = put("main", whole)
equal("what was read can be sent back", changed.status_code, 200)
equal("what was read can be sent back", get("main").parsed.metadata.display_name, "Renamed")
kept = get("main").parsed.spec.secret.additional_properties
equal("a mask sent back keeps the secret", kept, {"apiKey": MASK})
two = {"apiKey": MASK, "other": secret(2)}
whole.spec.secret = model.IntegrationConnectionSpecSecret.from_dict(two)
put("main", whole)
kept = get("main").parsed.spec.secret.additional_properties
equal("a secret is added", kept, {"apiKey": MASK, "other": MASK})
whole.spec.secret = model.IntegrationConnectionSpecSecret.from_dict({"other": secret(3)})
put("main", whole)
kept = get("main").parsed.spec.secret.additional_properties
equal("a secret left out is removed", kept, {"other": MASK})
whole.spec.secret = {}
put("main", whole)
kept = get("main").parsed.spec.secret.additional_properties
equal("no secrets at all leaves them", kept, {"other": MASK})

for number in range(120):
    create(f"many-{number:03}")
names = [item.metadata.name for item in listed()]
equal("a long list comes whole, as it was made", names[0], "main")
expected = [f"many-{number:03}" for number in range(120)]
equal("a long list comes whole, as it was made", names[1:], expected)

for call in [
    list_integration_connection_models.sync_detailed("main", client=client),
    get_integration_connection_model_endpoint_configurations.sync_detailed("main", client=client),
]:
    equal("models are answered", call.status_code, 200)
entry = get_integration.sync_detailed("openai", client=client)
equal("the catalogue is answered", (entry.status_code, entry.parsed.name), (200, "openai"))

refused("a taken name is 409", create("main"), 409)
refused("a missing name is 404", get("nobody"), 404)
refused("a missing name is 404", put("nobody", body("nobody")), 404)
refused("a missing name is 404", delete("nobody"), 404)
refused("a bad name is 400", create("Bad Name"), 400)
refused("a bad name is 400", create("a" * 50), 400)
refused("a name cannot be changed", put("main", body("other")), 400)

gone = delete("main")
equal("delete answers with the object", gone.status_code, 200)
equal("delete answers with the object", gone.parsed.metadata.name, "main")
silent("no secret comes back", gone.content)
refused("what is deleted is gone", get("main"), 404)
equal("a name can be used again", create("main").status_code, 200)

client.get_httpx_client().auth.credentials.api_key = WRONG_KEY
refused("a wrong key is 401", get("main"), 401)
done()
