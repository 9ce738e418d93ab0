"""What a user of the published client does with secrets, against the server whose URL and key are given."""

import asyncio
import sys

import scale_gp_beta
from scale_gp_beta import AsyncSGPClient, SGPClient

url, key = sys.argv[1:3]
client = SGPClient(base_url=url, api_key=key, account_id="acme")

made = client.secrets.create(key="openai-api-key", value="sk-1", description="for tests")
assert made.object == "sgp_cloud_secret" and made.key == "openai-api-key" and made.account_id == "acme", made
assert made.created_by.id == "ada" and made.created_by.type == "user" and made.created_by.object == "identity", made
assert made.created_at.tzinfo is not None and made.updated_at is None and made.updated_by is None, made
assert made.cloud_secret_path and "value" not in made.model_dump(), made
assert not made.model_extra, made.model_extra

assert client.secrets.retrieve(made.id) == made
changed = client.secrets.update(made.id, description="changed", value="sk-2")
assert changed.description == "changed" and changed.updated_at is not None and changed.updated_by == "ada", changed

try:
    client.secrets.create(key="openai-api-key", value="sk-3")
    raise AssertionError("a second one with the same key")
except scale_gp_beta.ConflictError as error:
    assert error.status_code == 409 and error.body["code"] == "already_exists", error.body

for call, wanted in (
    (lambda: client.secrets.create(key="NOT_ALLOWED", value="x"), scale_gp_beta.UnprocessableEntityError),
    (lambda: client.secrets.retrieve("sec_123"), scale_gp_beta.NotFoundError),
    (lambda: client.secrets.update(made.id, value=""), scale_gp_beta.UnprocessableEntityError),
    (lambda: client.secrets.list(limit=0), scale_gp_beta.UnprocessableEntityError),
    (lambda: client.with_options(api_key="wrong").secrets.list(), scale_gp_beta.AuthenticationError),
    (lambda: SGPClient(base_url=url, api_key=key, account_id="elsewhere").secrets.list(), scale_gp_beta.PermissionDeniedError),
):
    try:
        call()
    except wanted as error:
        assert isinstance(error.body, dict) and error.body["code"], error.body
    else:
        raise AssertionError(wanted)

for number in range(25):
    client.secrets.create(key=f"key-{number:02}", value="v")
page = client.secrets.list(limit=10, sort_by="key", sort_order="asc")
assert (len(page.items), page.has_more, page.total, page.limit, page.object) == (10, True, 26, 10, "list"), page
forward = [secret.key for secret in page]
assert forward == [f"key-{number:02}" for number in range(25)] + ["openai-api-key"], forward

# Backward, page by page, by the first id.
backward = []
page = client.secrets.list(limit=10, sort_by="key", sort_order="asc", ending_before=made.id)
for each in page.iter_pages():
    backward = [secret.key for secret in each.items] + backward
assert backward == forward[:-1], backward

# While what has been seen is deleted.
seen = []
for secret in client.secrets.list(limit=4):
    seen.append(secret.key)
    assert client.secrets.delete(secret.id) is None
assert sorted(seen) == sorted(forward), seen


async def with_the_other_client() -> None:
    async with AsyncSGPClient(base_url=url, api_key=key, account_id="acme") as other:
        await asyncio.gather(*(other.secrets.create(key=f"async-{number}", value="v") for number in range(8)))
        keys = sorted([secret.key async for secret in other.secrets.list(limit=3)])
        assert keys == [f"async-{number}" for number in range(8)], keys


asyncio.run(with_the_other_client())
print("all as it should be")
