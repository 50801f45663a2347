"""PyPI portkey-ai: integrations, their models and workspaces."""

from checks import KEY, URL, WRONG_KEY, check, done, equal, expect_error, secret, silent
from portkey_ai import Portkey
from portkey_ai.api_resources.exceptions import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
)

client = Portkey(api_key=KEY, base_url=f"{URL}/v1").integrations
stranger = Portkey(api_key=WRONG_KEY, base_url=f"{URL}/v1").integrations


def slugs(**page):
    return [item.slug for item in client.list(**page).data]


empty = client.list()
equal("an empty list", (empty.object, empty.total, empty.data), ("list", 0, []))

made = client.create(
    name="Main",
    ai_provider_id="openai",
    key=secret(1),
    slug="main",
    description="for tests",
    configurations={"openai_project": "p1", "openai_organization": "o1"},
)
equal("create tells id and slug", made.slug, "main")
check("create tells id and slug", bool(made.id), made)

found = client.retrieve(slug="main")
equal("retrieve tells what was made", (found.id, found.slug), (made.id, "main"))
equal("retrieve tells what was made", found.name, "Main")
equal("retrieve tells what was made", found.ai_provider_id, "openai")
equal("retrieve tells what was made", found.description, "for tests")
equal("retrieve tells what was made", found.status, "active")
equal("retrieve tells what was made", found.object, "integration")
equal("configurations come back", found.configurations["openai_project"], "p1")
check("times come back", bool(found.created_at), found)
check("the key is masked", "*" in (found.masked_key or ""), found.masked_key)
check("the key is masked", found.model_extra.get("key") is None, found)
silent("no secret comes back", made, found, client.list())

unnamed = client.create(name="Made up", ai_provider_id="anthropic", key=secret(2))
check("a slug is made", bool(unnamed.slug) and unnamed.slug != "main", unnamed)

aws = client.create(
    name="Bedrock",
    ai_provider_id="bedrock",
    slug="aws",
    configurations={
        "aws_auth_type": "accessKey",
        "aws_region": "eu-west-1",
        "aws_access_key_id": secret(3),
        "aws_secret_access_key": secret(4),
    },
)
shown = client.retrieve(slug=aws.slug)
for field in ["aws_access_key_id", "aws_secret_access_key"]:
    check("sensitive settings are masked", field not in shown.configurations, shown)
    masked = shown.configurations[f"masked_{field}"]
    check("sensitive settings are masked", "*" in masked, masked)
equal("plain settings are not", shown.configurations["aws_region"], "eu-west-1")
silent("no secret comes back", shown)

client.update(slug="aws", name="Bedrock 2", configurations=shown.configurations)
again = client.retrieve(slug="aws")
equal("what was read can be sent back", again.name, "Bedrock 2")
equal("a mask sent back keeps the secret", again.configurations, shown.configurations)

client.update(slug="main", name="Renamed", description="other")
changed = client.retrieve(slug="main")
equal("update changes what it names", (changed.name, changed.description), ("Renamed", "other"))
equal("update leaves the rest", changed.masked_key, found.masked_key)
equal("update leaves the rest", changed.configurations, found.configurations)
client.update(slug="main", key="another-key-98")
check("update replaces the key", client.retrieve(slug="main").masked_key != found.masked_key)
client.update(slug="main")
equal("an empty update changes nothing", client.retrieve(slug="main").name, "Renamed")

mapping = {"target_field": "key", "secret_reference_id": "ref-1", "secret_key": None}
client.create(name="Mapped", ai_provider_id="openai", slug="mapped", secret_mappings=[mapping])


def mappings():
    return client.retrieve(slug="mapped").model_extra["secret_mappings"]


mapped = mappings()
equal("secret mappings come back", mapped[0]["target_field"], "key")
equal("secret mappings come back", mapped[0]["secret_reference_id"], "ref-1")
client.update(slug="mapped", secret_mappings=[])
equal("an empty list clears mappings", mappings(), [])

wanted = [{"slug": "m-1", "enabled": True}]
client.models.update(slug="main", allow_all_models=False, models=wanted)
models = client.models.list(slug="main")
equal("models are kept", [(m.slug, m.enabled) for m in models.models], [("m-1", True)])
equal("models are kept", models.allow_all_models, False)
client.models.delete(slug="main", slugs="m-1")
equal("models are deleted", client.models.list(slug="main").models, [])
client.workspaces.update(
    slug="main",
    override_existing_workspaces_access=True,
    workspaces=[{"id": "default", "enabled": True}],
)
spaces = client.workspaces.list(slug="main").workspaces
equal("workspaces are kept", [(w.id, w.enabled) for w in spaces], [("default", True)])

whole = slugs()
equal("the list has all", len(whole), 4)
pages = [slugs(current_page=page, page_size=3) for page in (0, 1)]
equal("pages make up the list", pages[0] + pages[1], whole)
equal("a page tells the total", client.list(current_page=1, page_size=3).total, 4)
equal("a page past the end is empty", slugs(current_page=9, page_size=3), [])
check("kinds filter", "main" in slugs(type="all"))

expect_error("a wrong key is 401", stranger.list, AuthenticationError, 401)
for call in [client.retrieve, client.update, client.delete]:
    missing = lambda: call(slug="nobody")  # noqa: E731, B023
    error = expect_error("a missing slug is 404", missing, NotFoundError, 404)
    check("errors say why", error.message.startswith("Error code: 404 - "), error.message)
expect_error(
    "a taken slug is 409",
    lambda: client.create(name="x", ai_provider_id="openai", slug="main", key=secret(5)),
    ConflictError,
    409,
)
expect_error(
    "a bad body is 400",
    lambda: client.create(name="x", ai_provider_id="openai", slug="a b", key=secret(6)),
    BadRequestError,
    400,
)
expect_error(
    "a bad body is 400",
    lambda: client.create(ai_provider_id="openai", key=secret(7)),
    BadRequestError,
    400,
)

client.delete(slug="main")
expect_error("what is deleted is gone", lambda: client.retrieve(slug="main"), NotFoundError, 404)
equal("what is deleted is gone", "main" in slugs(), False)
client.create(name="Again", ai_provider_id="openai", slug="main", key=secret(8))
equal("a slug can be used again", client.retrieve(slug="main").name, "Again")
done()
