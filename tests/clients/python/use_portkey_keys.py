"""PyPI portkey-ai: virtual keys and providers."""

from checks import KEY, URL, check, done, equal, expect_error, secret, silent
from portkey_ai import Portkey
from portkey_ai.api_resources.exceptions import BadRequestError, ConflictError, NotFoundError

portkey = Portkey(api_key=KEY, base_url=f"{URL}/v1")
keys, providers = portkey.virtual_keys, portkey.providers


def retrieve(slug):
    return keys.retrieve(slug=slug).model_dump()


empty = keys.list()
equal("an empty list", (empty.object, empty.total, empty.data), ("list", 0, []))

made = keys.create(
    name="OpenAI, production",
    provider="openai",
    key=secret(1),
    note="for tests",
    usage_limits={"credit_limit": 100, "periodic_reset": "monthly", "alert_threshold": 80},
    rate_limits=[{"type": "requests", "unit": "rpm", "value": 60}],
)
check("create tells id and slug", bool(made.id) and bool(made.slug), made)
equal("create tells id and slug", made.object, "virtual-key")

found = retrieve(made.slug)
equal("retrieve tells what was made", (found["id"], found["slug"]), (made.id, made.slug))
equal("retrieve tells what was made", found["name"], "OpenAI, production")
equal("retrieve tells what was made", found["ai_provider_name"], "openai")
equal("retrieve tells what was made", found["note"], "for tests")
equal("retrieve tells what was made", found["status"], "active")
equal("limits come back", found["usage_limits"]["credit_limit"], 100)
equal("limits come back", found["rate_limits"][0]["value"], 60)
check("the key is masked", "*" in found["masked_api_key"], found)
silent("no secret comes back", made, found, keys.list())

azure = keys.create(
    name="Azure",
    provider="azure-openai",
    key=secret(2),
    resourceName="resource",
    apiVersion="2024-10-21",
    deploymentName="gpt-4o",
)
settings = retrieve(azure.slug)["model_config"]
given = (settings["resourceName"], settings["apiVersion"], settings["deploymentName"])
equal("Azure's settings come back", given, ("resource", "2024-10-21", "gpt-4o"))

keys.update(slug=made.slug, name="Renamed", note="other", usage_limits={"credit_limit": 5})
changed = retrieve(made.slug)
equal("update changes what it names", (changed["name"], changed["note"]), ("Renamed", "other"))
equal("update changes what it names", changed["usage_limits"]["credit_limit"], 5)
equal("update leaves the rest", changed["masked_api_key"], found["masked_api_key"])
equal("update leaves the rest", changed["rate_limits"], found["rate_limits"])
keys.update(slug=made.slug, key="another-key-98")
masked = retrieve(made.slug)["masked_api_key"]
check("update replaces the key", masked != found["masked_api_key"], masked)

equal("the list has all", [one["slug"] for one in keys.list().data], [made.slug, azure.slug])
integration = portkey.integrations.retrieve(slug=made.slug)
equal("a virtual key is an integration", (integration.id, integration.name), (made.id, "Renamed"))

listed = providers.list()
equal("a virtual key is a provider", [one.slug for one in listed.data], [made.slug, azure.slug])
equal("a virtual key is a provider", listed.total, 2)
provider = providers.create(
    name="Provider",
    integration_id=made.slug,
    note="as a provider",
    rate_limits={"type": "requests", "unit": "rpm", "value": 30},
)
equal("a provider is its integration", (provider.id, provider.slug), (made.id, made.slug))
shown = providers.retrieve(slug=made.slug)
equal("a provider is its integration", (shown.integration_id, shown.name), (made.slug, "Provider"))
equal("limits come back", shown.rate_limits[0]["value"], 30)
providers.update(slug=made.slug, name="Provider 2")
equal("update changes what it names", providers.retrieve(slug=made.slug).name, "Provider 2")
silent("no secret comes back", shown, listed)
elsewhere = lambda: providers.create(name="x", integration_id=made.slug, slug="other")  # noqa: E731
expect_error("what cannot be done is refused", elsewhere, BadRequestError, 400)
expiring = lambda: providers.update(slug=made.slug, expires_at="2030-01-01T00:00:00Z")  # noqa: E731
error = expect_error("what cannot be done is refused", expiring, BadRequestError, 400)
check("what cannot be done is refused", "expires_at" in error.message, error.message)

for call in [keys.retrieve, keys.update, keys.delete, providers.retrieve, providers.update]:
    expect_error("a missing slug is 404", lambda: call(slug="nobody"), NotFoundError, 404)  # noqa: B023
taken = {"name": "x", "provider": "openai", "key": secret(3), "slug": made.slug}
expect_error("a taken slug is 409", lambda: keys.create(**taken), ConflictError, 409)

keys.delete(slug=made.slug)
gone = lambda: keys.retrieve(slug=made.slug)  # noqa: E731
expect_error("what is deleted is gone", gone, NotFoundError, 404)
equal("what is deleted is gone", [one.slug for one in providers.list().data], [azure.slug])
done()
