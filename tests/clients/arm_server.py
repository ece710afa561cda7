"""Holds the testkit's server for Azure's wire protocol against Microsoft's own clients.

`python3 tests/clients/arm_server.py [--server target/debug/arm-server] [--az ~/.cache/az-client/cli/bin/az]`

Makes a virtual environment at ~/.cache/arm-clients with the clients if there is none, starts the server with copies of its estate,
asks it by the clients (and by azure-cli, if it is there), prints a line for each check and ends at the first surprise.
"""

import argparse
import contextlib
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = pathlib.Path.home() / ".cache" / "arm-clients"
PACKAGES = [
    "azure-identity",
    "azure-mgmt-resource",
    "azure-mgmt-subscription",
    "azure-mgmt-compute",
    "azure-mgmt-resourcegraph",
    "azure-mgmt-network",
    "azure-mgmt-storage",
    "azure-mgmt-authorization",
]

# More than one page of everything, and more than fifty copies, so that there are more subscriptions than the written ones.
COPIES = 3500


def enter_environment():
    """Goes on in the virtual environment, which is made if it is not there."""
    python = ENVIRONMENT / "bin" / "python"
    if pathlib.Path(sys.prefix) == ENVIRONMENT:
        return
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
        subprocess.run([ENVIRONMENT / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)
    os.execv(python, [python, __file__, *sys.argv[1:]])


@contextlib.contextmanager
def running(program, *options):
    """A server: what it says about itself, and the file with the authority to trust."""
    with tempfile.TemporaryDirectory() as folder:
        authority = pathlib.Path(folder, "ca.pem")
        server = subprocess.Popen([program, "--authority", authority, *options], stdout=subprocess.PIPE, text=True)
        try:
            line = server.stdout.readline()
            if not line:
                raise SystemExit("the server did not start")
            yield json.loads(line), authority
        finally:
            server.terminate()
            server.wait()


class Checks:
    """Prints what was found right, and ends at what was not."""

    def __init__(self):
        self.n_checks = 0

    def that(self, name, is_so, found=""):
        self.n_checks += 1
        if not is_so:
            raise SystemExit(f"WRONG {name}: {found}")
        print(f"ok    {name}{f': {found}' if found != '' else ''}", flush=True)

    def refused(self, name, ask, status, code):
        """That a client raises an error with a status and a code."""
        from azure.core.exceptions import HttpResponseError

        try:
            found = ask()
        except HttpResponseError as error:
            own = error.error.code if error.error else None
            self.that(name, (error.status_code, own) == (status, code), f"{type(error).__name__} {error.status_code} {own}")
            return error
        raise SystemExit(f"WRONG {name}: no error but {found}")


def login_of(secret):
    """The program of the estate that has a secret: its client id."""
    logins = json.loads((ROOT / "testkit/azure/tenant.json").read_text())["logins"]
    return next(login["appId"] for login in logins if any(own["value"] == secret for own in login.get("secrets", [])))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", default=ROOT / "target/debug/arm-server")
    parser.add_argument("--az", type=pathlib.Path, default=pathlib.Path.home() / ".cache/az-client/cli/bin/az")
    arguments = parser.parse_args()
    enter_environment()
    # The errors that are asked for are checked, not shown.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    checks = Checks()
    with running(arguments.server, "--copies", str(COPIES)) as (about, authority):
        # The clients take what to trust from here.
        os.environ["REQUESTS_CA_BUNDLE"] = str(authority)
        os.environ["SSL_CERT_FILE"] = str(authority)
        check_logins(checks, about)
        check_reads(checks, about)
        check_graph(checks, about)
        check_refusals(checks, about)
        check_throttling(checks, about)
        if arguments.az.exists():
            check_az(checks, about, arguments.az)
        else:
            print(f"skipped azure-cli: there is no {arguments.az}")
    # The identity of a machine is asked for over plain HTTP.
    with running(arguments.server, "--scheme", "http") as (about, _):
        check_machine(checks, about)
    print(f"{checks.n_checks} checks")


def secret_of(about, secret, value=None):
    from azure.identity import ClientSecretCredential

    return ClientSecretCredential(
        about["tenant"], login_of(secret), value or secret, authority=about["url"], disable_instance_discovery=True
    )


def client(kind, about, credential, *subscription, **options):
    scopes = [f"{about['url']}/.default"]
    return kind(credential, *subscription, base_url=about["url"], credential_scopes=scopes, **options)


def control(about, method, path, body=None):
    """Asks the server's own routes, which no client of Azure knows."""
    import ssl

    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{about['url']}/.arm-server/{path}", data=data, method=method)
    trust = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    with urllib.request.urlopen(request, context=trust) as answer:
        return json.load(answer)


def check_logins(checks, about):
    from azure.core.exceptions import ClientAuthenticationError
    from azure.identity import CertificateCredential

    scope = f"{about['url']}/.default"
    token = secret_of(about, "connector-secret").get_token(scope)
    checks.that("login by secret", token.expires_on > time.time() + 3000)
    certificate = CertificateCredential(
        about["tenant"],
        login_of("connector-secret"),
        certificate_path=str(ROOT / "testkit/azure/login/connector.pem"),
        authority=about["url"],
        disable_instance_discovery=True,
    )
    checks.that("login by certificate", certificate.get_token(scope).token.count(".") == 2)

    def refused(name, credential, code):
        try:
            credential.get_token(scope)
        except ClientAuthenticationError as error:
            checks.that(name, code in str(error), code)
            return
        raise SystemExit(f"WRONG {name}: a token was given")

    refused("a wrong secret", secret_of(about, "connector-secret", "another"), "AADSTS7000215")
    refused("an expired secret", secret_of(about, "expired-secret"), "AADSTS7000222")
    from azure.identity import ClientSecretCredential

    options = {"authority": about["url"], "disable_instance_discovery": True}
    unknown = ClientSecretCredential(about["tenant"], "00000000-0000-4000-8000-000000000001", "x", **options)
    refused("an unknown program", unknown, "AADSTS700016")
    stranger = CertificateCredential(
        about["tenant"], login_of("plus-secret"), certificate_path=str(ROOT / "testkit/azure/login/connector.pem"), **options
    )
    refused("a certificate of another program", stranger, "AADSTS700027")


def check_reads(checks, about):
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.compute import ComputeManagementClient
    from azure.mgmt.network import NetworkManagementClient
    from azure.mgmt.resource.resources import ResourceManagementClient
    from azure.mgmt.storage import StorageManagementClient
    from azure.mgmt.subscription import SubscriptionClient

    credential = secret_of(about, "connector-secret")
    subscriptions = client(SubscriptionClient, about, credential)
    listed = [own.subscription_id for own in subscriptions.subscriptions.list()]
    checks.that("subscriptions", sorted(listed) == sorted(about["subscriptions"]), len(listed))
    tenants = list(subscriptions.tenants.list())
    checks.that("tenants", [tenant.tenant_id for tenant in tenants] == [about["tenant"]], len(tenants))
    own = about["subscriptions"][0]
    resources = client(ResourceManagementClient, about, credential, own)
    groups = [group.name for group in resources.resource_groups.list()]
    checks.that("resource groups over several pages", len(groups) == len(set(groups)) > 250, len(groups))
    everything = [resource.id for resource in resources.resources.list()]
    checks.that("resources over several pages", len(everything) == len(set(everything)) > 2000, len(everything))
    vaults = list(resources.resources.list(filter="resourceType eq 'Microsoft.KeyVault/vaults'"))
    checks.that("resources of a type", {vault.type for vault in vaults} == {"Microsoft.KeyVault/vaults"}, len(vaults))
    states = {provider.namespace: provider.registration_state for provider in resources.providers.list()}
    checks.that("registrations", states["Microsoft.Cdn"] == "NotRegistered" and states["Microsoft.Compute"] == "Registered")
    compute = client(ComputeManagementClient, about, credential, own)
    machines = list(compute.virtual_machines.list_all())
    first = next(machine for machine in machines if machine.name == "vm-web-01")
    checks.that("virtual machines", len(machines) == 150 and first.hardware_profile.vm_size == "Standard_D2s_v5", len(machines))
    one = compute.virtual_machines.get("rg-web", "vm-web-01")
    password = not one.os_profile.linux_configuration.disable_password_authentication
    checks.that("one virtual machine", one.vm_id == first.vm_id and password, one.name)
    disks = list(compute.disks.list_by_resource_group("rg-data"))
    checks.that("disks of a group", {disk.encryption.type for disk in disks} == {"EncryptionAtRestWithCustomerKey"}, len(disks))
    network = client(NetworkManagementClient, about, credential, own)
    cards = list(network.network_interfaces.list_all())
    public = [card for card in cards if card.ip_configurations[0].public_ip_address]
    checks.that("network interfaces", len(cards) == 150 and len(public) == 50, len(cards))
    rules = network.network_security_groups.get("rg-web", "nsg-web").security_rules
    checks.that("rules of a security group", "allow-ssh-any" in [rule.name for rule in rules], len(rules))
    storage = client(StorageManagementClient, about, credential, own)
    accounts = list(storage.storage_accounts.list())
    assets = next(account for account in accounts if account.name == "stfernhollowassets")
    checks.that("storage accounts", assets.minimum_tls_version == "TLS1_0" and assets.allow_blob_public_access, len(accounts))
    blobs = storage.blob_services.get_service_properties("rg-data", "stfernhollowdata")
    checks.that("a blob service", blobs.is_versioning_enabled and blobs.delete_retention_policy.days == 30)
    containers = list(storage.blob_containers.list("rg-web", "stfernhollowassets"))
    checks.that("containers", {container.public_access for container in containers} == {"Blob", "Container"}, len(containers))
    access = client(AuthorizationManagementClient, about, credential, own)
    assigned = list(access.role_assignments.list_for_subscription(filter="atScope()"))
    scopes = {assignment.scope.split("/providers/")[-1].split("/")[0] for assignment in assigned}
    checks.that("role assignments at and above", "Microsoft.Management" in scopes, len(assigned))
    roles = list(access.role_definitions.list(f"/subscriptions/{own}", filter="type eq 'CustomRole'"))
    checks.that("custom roles", {role.role_type for role in roles} == {"CustomRole"}, len(roles))
    by_id = access.role_definitions.get_by_id(f"subscriptions/{own}/providers/{assigned[0].role_definition_id.split('/providers/')[1]}")
    checks.that("a role by its id", bool(by_id.permissions[0].actions), by_id.role_name)
    mine = list(access.permissions.list_for_resource_group("rg-web"))
    checks.that("own permissions", ["*/read"] in [permission.actions for permission in mine], len(mine))


def check_graph(checks, about):
    from azure.mgmt.resourcegraph import ResourceGraphClient
    from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions

    graph = client(ResourceGraphClient, about, secret_of(about, "connector-secret"))
    seen, token, n_pages = [], None, 0
    while True:
        options = QueryRequestOptions(top=1000, skip_token=token)
        answer = graph.resources(QueryRequest(query="resources | project id, name, type | order by id asc", options=options))
        seen += [row["id"] for row in answer.data]
        token, n_pages = answer.skip_token, n_pages + 1
        if not token:
            break
    checks.that("all rows by paging", len(set(seen)) == len(seen) == answer.total_records == COPIES, f"{len(seen)} in {n_pages} pages")
    checks.that("rows in their order", seen == sorted(seen))
    linux = "type =~ 'Microsoft.Compute/virtualMachines' and properties.storageProfile.osDisk.osType == 'Linux'"
    query = f"Resources | where {linux} | summarize n = count() by subscriptionId"
    answer = graph.resources(QueryRequest(query=query, subscriptions=about["subscriptions"][:1]))
    checks.that("a summary", answer.data == [{"n": 100, "subscriptionId": about["subscriptions"][0]}], answer.data)
    answer = graph.resources(QueryRequest(query="resources | limit 3 | project name", options=QueryRequestOptions(result_format="table")))
    checks.that("a table", answer.data["columns"] == [{"name": "name", "type": "string"}], len(answer.data["rows"]))
    answer = graph.resources(QueryRequest(query="resources | project name"))
    checks.that("without ids there is no next page", answer.result_truncated == "true" and not answer.skip_token, answer.count)
    checks.refused("a query that can't be read", lambda: graph.resources(QueryRequest(query="resources | whre x")), 400, "BadRequest")
    nobody = client(ResourceGraphClient, about, secret_of(about, "nobody-secret"))
    error = checks.refused("a query of somebody without rights", lambda: nobody.resources(QueryRequest(query="resources")), 400, "BadRequest")
    checks.that("which says why", error.error.details[0].code == "NoValidSubscriptionsInQueryRequest")
    partial = client(ResourceGraphClient, about, secret_of(about, "partial-secret"))
    query = QueryRequest(query="resources | where type == 'microsoft.keyvault/vaults' | count")
    checks.that("what may not be read is left out in silence", partial.resources(query).data == [{"Count": 0}])


def check_refusals(checks, about):
    from azure.core.exceptions import HttpResponseError
    from azure.mgmt.compute import ComputeManagementClient
    from azure.mgmt.resource.resources import ResourceManagementClient
    from azure.mgmt.storage import StorageManagementClient

    own, other = about["subscriptions"][:2]
    connector, partial = secret_of(about, "connector-secret"), secret_of(about, "partial-secret")
    resources = client(ResourceManagementClient, about, connector, own)
    compute = client(ComputeManagementClient, about, connector, own)
    checks.refused("an absent group", lambda: resources.resource_groups.get("nothing"), 404, "ResourceGroupNotFound")
    checks.refused("an absent machine", lambda: compute.virtual_machines.get("rg-web", "nothing"), 404, "ResourceNotFound")
    strange = client(ComputeManagementClient, about, connector, "00000000-0000-4000-8000-000000000009")
    checks.refused("an unknown subscription", lambda: list(strange.virtual_machines.list_all()), 404, "SubscriptionNotFound")
    vault = f"/subscriptions/{own}/resourceGroups/rg-data/providers/Microsoft.KeyVault/vaults/kv-fernhollow-data"
    blind = client(ResourceManagementClient, about, partial, own)
    read = lambda client, path: client.resources.get_by_id(path, api_version="2024-01-01")
    error = checks.refused("a vault without the right to read it", lambda: read(blind, vault), 403, "AuthorizationFailed")
    named = login_of("partial-secret") in error.message and "Microsoft.KeyVault/vaults/read" in error.message and vault in error.message
    checks.that("which names client, action and scope", named)
    keys = client(StorageManagementClient, about, connector, other).storage_accounts
    checks.refused("an action without the right to it", lambda: keys.list_keys("rg-dev", "stfernhollowdev"), 403, "AuthorizationFailed")
    more = client(StorageManagementClient, about, secret_of(about, "plus-secret"), other).storage_accounts
    checks.that("an action with the right to it", len(more.list_keys("rg-dev", "stfernhollowdev")["keys"]) == 1)
    unregistered = client(ResourceManagementClient, about, connector, other)
    path = f"/subscriptions/{other}/providers/Microsoft.DocumentDB/databaseAccounts"
    missing = "MissingSubscriptionRegistration"
    checks.refused("a list of a provider that is not registered", lambda: read(unregistered, path), 409, missing)
    plans = f"/subscriptions/{other}/providers/Microsoft.Security/pricings"
    missing = "Subscription Not Registered"
    checks.refused("plans where Defender is not registered", lambda: read(unregistered, plans), 404, missing)
    try:
        resources.resource_groups.create_or_update("new", {"location": "westeurope"})
        raise SystemExit("WRONG a group was made")
    except HttpResponseError as error:
        checks.that("nothing can be written", error.status_code == 405, error.status_code)


def check_throttling(checks, about):
    from azure.mgmt.compute import ComputeManagementClient
    from azure.mgmt.resourcegraph import ResourceGraphClient
    from azure.mgmt.resourcegraph.models import QueryRequest

    own = about["subscriptions"][0]
    compute = client(ComputeManagementClient, about, secret_of(about, "connector-secret"), own)
    fault = {"path": "*/virtualMachines/vm-web-02", "status": 429, "code": "TooManyRequests", "retryAfter": 1, "times": 2}
    control(about, "POST", "faults", fault)
    begin = time.monotonic()
    machine = compute.virtual_machines.get("rg-web", "vm-web-02")
    waited = time.monotonic() - begin
    calls = [call["status"] for call in control(about, "GET", "calls") if call["path"].endswith("/vm-web-02")]
    checks.that("a 429 is waited out", machine.name == "vm-web-02" and waited >= 2 and calls == [429, 429, 200], f"{calls} in {waited:.1f} s")
    # A caller of its own, so that its quota is whole.
    graph = client(ResourceGraphClient, about, secret_of(about, "plus-secret"), retry_total=0)
    headers = []
    ask = lambda: graph.resources(QueryRequest(query="resources | count"), raw_response_hook=lambda raw: headers.append(raw.http_response.headers))
    for _ in range(15):
        ask()
    checks.that("a quota goes down", [own["x-ms-user-quota-remaining"] for own in headers] == [str(14 - n) for n in range(15)])
    checks.refused("more queries than the quota", ask, 429, "RateLimiting")
    checks.that("which says for how long", 1 <= int(headers[-1]["retry-after"]) <= 5, headers[-1]["x-ms-user-quota-resets-after"])
    patient = client(ResourceGraphClient, about, secret_of(about, "plus-secret"))
    begin = time.monotonic()
    answer = patient.resources(QueryRequest(query="resources | count"))
    checks.that("the quota is whole again", answer.data == [{"Count": COPIES}], f"after {time.monotonic() - begin:.1f} s")
    # As fast as it can: the bucket is empty at last, and the client waits for what comes back.
    begin, before = time.monotonic(), len(control(about, "GET", "calls"))
    for _ in range(400):
        compute.virtual_machines.get("rg-web", "vm-web-01")
    statuses = [call["status"] for call in control(about, "GET", "calls")[before:]]
    checks.that("400 reads", statuses.count(200) == 400, f"{statuses.count(429)} refused, {time.monotonic() - begin:.1f} s")


def check_az(checks, about, az):
    with tempfile.TemporaryDirectory() as folder:
        own = {"AZURE_CONFIG_DIR": folder, "AZURE_CORE_COLLECT_TELEMETRY": "no", "AZURE_CORE_ONLY_SHOW_ERRORS": "yes"}

        def run(*words):
            answer = subprocess.run([az, *words, "-o", "json"], capture_output=True, text=True, env=os.environ | own)
            if answer.returncode:
                raise SystemExit(f"WRONG az {' '.join(words)}: {answer.stderr}")
            return json.loads(answer.stdout) if answer.stdout.strip() else None

        run("cloud", "register", "-n", "testkit", "--endpoint-resource-manager", about["url"])
        run("cloud", "set", "-n", "testkit")
        run("config", "set", "core.instance_discovery=false")
        login = ["login", "--service-principal", "-u", login_of("plus-secret"), "-p", "plus-secret", "--tenant", about["tenant"]]
        found = run(*login)
        checks.that("az login", sorted(own["id"] for own in found) == sorted(about["subscriptions"]), len(found))
        run("account", "set", "-s", about["subscriptions"][0])
        machines = run("vm", "list")
        checks.that("az vm list", len(machines) == 150, len(machines))
        vault = run("keyvault", "show", "-n", "kv-fernhollow-data", "-g", "rg-data")
        checks.that("az keyvault show", vault["properties"]["enablePurgeProtection"], vault["name"])
        settings = run("webapp", "config", "appsettings", "list", "-n", "fernhollow-shop", "-g", "rg-web")
        checks.that("az webapp config appsettings list", "NODE_ENV" in [own["name"] for own in settings], len(settings))
        plans = run("security", "pricing", "list")
        checks.that("az security pricing list", len(plans["value"]) == 16, len(plans["value"]))
        scope = f"/subscriptions/{about['subscriptions'][0]}"
        roles = run("role", "assignment", "list", "--scope", scope, "--include-inherited", "--fill-principal-name", "false")
        checks.that("az role assignment list", len(roles) > 10, len(roles))
        groups = run("account", "management-group", "show", "-n", "fernhollow", "--expand", "--recurse", "--no-register")
        checks.that("az account management-group show", len(groups["children"]) == 2, groups["displayName"])
        events = run("monitor", "activity-log", "list", "--offset", "7d")
        checks.that("az monitor activity-log list", len(events) == 6, len(events))
        policies = run("policy", "assignment", "list")
        checks.that("az policy assignment list", [own["displayName"] for own in policies] == ["Allowed locations"], len(policies))
        users = run("ad", "user", "list")
        checks.that("az ad user list", len(users) == 9, len(users))


def check_machine(checks, about):
    os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = about["url"]
    from azure.identity import ManagedIdentityCredential

    token = ManagedIdentityCredential().get_token("https://management.azure.com/.default")
    checks.that("login by a machine's own identity", token.token.count(".") == 2)
    named = ManagedIdentityCredential(client_id=login_of("plus-secret")).get_token("https://graph.microsoft.com/.default")
    checks.that("login by a machine's other identity", named.token != token.token)
    headers = {"Authorization": f"Bearer {token.token}"}
    request = urllib.request.Request(f"{about['url']}/subscriptions?api-version=2022-12-01", headers=headers)
    with urllib.request.urlopen(request) as answer:
        found = json.load(answer)["value"]
    checks.that("which sees its subscription", [own["subscriptionId"] for own in found] == about["subscriptions"][:1], len(found))


if __name__ == "__main__":
    main()
