"""What the real SDK sees: azure-mgmt-security and azure-mgmt-resource read everything that they have an operation for.

    az-client python tests/clients/sdk.py --skywarden PATH
    ~/.cache/az-client/cli/bin/python tests/clients/sdk.py --skywarden PATH      the generation before, which azure-cli brings along

Starts `skywarden up --sample` with a data folder of its own and logs in as a program that owns everything. Every operation `list...` and
`get...` of every group of operations of the client is asked, in each subscription: those of sdk_reads.py must answer, and a row must come
back the same when it is got by its name; all others, and the groups of NOT_BUILT wholly, must say FeatureNotAvailable. Prints a table,
exits 1 if something differs, or if a group is neither read nor in NOT_BUILT.
"""

import argparse
import inspect
import itertools
import json
import logging
import os
import ssl
import sys
import time
import urllib.parse
import urllib.request
from typing import NamedTuple

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.security import SecurityCenter
from azure.mgmt.security import __version__ as version

from sdk_reads import EVERYWHERE, FIRST, SOMEWHERE, reads
from server import running

MISSING = "FeatureNotAvailable"

# Groups of operations of features that are not there.
NOT_BUILT = set("""
    adaptive_application_controls adaptive_network_hardenings advanced_threat_protection allowed_connections
    api_collection api_collection_offboarding api_collection_onboarding api_collections automations azure_dev_ops_orgs azure_dev_ops_projects
    azure_dev_ops_repos compliance_results compliances connectors custom_assessment_automations custom_entity_store_assignments
    defender_for_storage dev_ops_configurations dev_ops_operation_results device_security_groups discovered_security_solutions
    external_security_solutions git_hub_owners git_hub_repos git_lab_groups git_lab_projects git_lab_subgroups
    information_protection_policies ingestion_settings iot_security_solution iot_security_solution_analytics
    iot_security_solutions_analytics_aggregated_alert iot_security_solutions_analytics_recommendation jit_network_access_policies
    mde_onboardings operations security_operators security_solutions security_solutions_reference_data sensitivity_settings
    server_vulnerability_assessment server_vulnerability_assessments_settings sql_vulnerability_assessment_baseline_rules
    sql_vulnerability_assessment_scan_results sql_vulnerability_assessment_scans topology
""".split())


class Row(NamedTuple):
    """What came of an operation, as the table shows it."""

    operation: str
    subscription: str
    n: int
    remark: str = ""
    is_wrong: bool = False


class Program:
    """A login as a program with what every SDK has: for the generation that comes without azure-identity."""

    def __init__(self, server, own):
        self.url, self.own = f"{server.address}/{own['tenant']}/oauth2/v2.0/token", own
        self.trusted = ssl.create_default_context(cafile=server.authority)

    def get_token(self, *scopes, **_):
        form = {"grant_type": "client_credentials", "client_id": self.own["client id"], "client_secret": self.own["client secret"],
                "scope": scopes[0]}
        with urllib.request.urlopen(self.url, urllib.parse.urlencode(form).encode(), context=self.trusted) as answer:
            token = json.load(answer)
        return AccessToken(token["access_token"], int(time.time()) + token["expires_in"])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--skywarden", required=True)
    given = arguments.parse_args()
    # It warns of each assessment on a resource of AWS, a source for which this generation has no model.
    logging.getLogger("azure.mgmt.security").setLevel(logging.ERROR)
    with running(given.skywarden) as server:
        os.environ |= {"REQUESTS_CA_BUNDLE": str(server.authority), "SSL_CERT_FILE": str(server.authority)}
        credential = logged_in(server, server.add_program("sdk", "Owner"))
        rows = run(credential, server.address)
    for row in rows:
        print(f"{'BAD ' if row.is_wrong else 'ok  '} {row.operation:66} {row.subscription:36} {row.n:6} {row.remark}")
    n_missing = sum(row.remark == MISSING for row in rows)
    n_wrong = sum(row.is_wrong for row in rows)
    print(f"azure-mgmt-security {version}: {len(rows)} operations, {n_missing} of them {MISSING}, {n_wrong} wrong")
    return min(n_wrong, 1)


def logged_in(server, own):
    try:
        from azure.identity import ClientSecretCredential
    except ImportError:
        return Program(server, own)
    return ClientSecretCredential(
        own["tenant"], own["client id"], own["client secret"], authority=server.address, disable_instance_discovery=True)


def run(credential, address):
    ends = {"base_url": address, "credential_scopes": [f"{address}/.default"]}
    subscriptions = listed_subscriptions(credential, address, ends)
    rows = [Row("subscriptions.list", "", len(subscriptions), is_wrong=len(subscriptions) < 2)]
    found = {}
    for subscription, name in subscriptions:
        resources = ResourceManagementClient(credential, subscription, **ends)
        rows += read_resources(resources, name)
        rows += read_security(SecurityCenter(credential, subscription, **ends), resources, subscription, name, found)
    # What not every subscription has must be seen in one.
    return rows + [Row(operation, "in no subscription", 0, "no row", True) for operation, n in found.items() if n == 0]


def listed_subscriptions(credential, address, ends):
    """Ids and names, by the client of subscriptions where azure-mgmt-resource has it (until 24), else by its pipeline alone."""
    try:
        from azure.mgmt.resource.subscriptions import SubscriptionClient
    except ImportError:
        policy = ARMChallengeAuthenticationPolicy(credential, f"{address}/.default")
        with ARMPipelineClient(address, policies=[policy]) as client:
            answer = client.send_request(HttpRequest("GET", f"{address}/subscriptions?api-version=2022-12-01"))
            answer.raise_for_status()
            return [(own["subscriptionId"], own["displayName"]) for own in answer.json()["value"]]
    client = SubscriptionClient(credential, **ends)
    return [(own.subscription_id, client.subscriptions.get(own.subscription_id).display_name) for own in client.subscriptions.list()]


def read_resources(client, name):
    """Groups, resources, also those that a filter leaves, and providers."""
    resources = list(client.resources.list())
    groups = list(client.resource_groups.list())
    kind, group = resources[0].type, groups[0].name
    of = lambda test: {own.id for own in resources if test(own)}
    is_in_group = lambda own: f"/resourceGroups/{group}/" in own.id
    parts = [
        ("resources.list", resources, of(lambda _: True)),
        ("resources.list, of a type", client.resources.list(filter=f"resourceType eq '{kind}'"), of(lambda own: own.type == kind)),
        ("resources.list, in a group", client.resources.list(filter=f"resourceGroup eq '{group}'"), of(is_in_group)),
        ("resources.list, by name", client.resources.list(filter=f"name eq '{resources[0].name}'"), of(lambda own: own.name == resources[0].name)),
        ("resources.list_by_resource_group", client.resources.list_by_resource_group(group), of(is_in_group)),
        ("resource_groups.list", [client.resource_groups.get(own.name) for own in groups], {own.id for own in groups}),
        ("providers.list", [client.providers.get(own.namespace) for own in client.providers.list()], {own.id for own in client.providers.list()}),
    ]
    rows = []
    for operation, listed, wanted in parts:
        own = {row.id for row in listed}
        rows.append(Row(operation, name, len(own), "" if own == wanted else f"{len(wanted)} wanted", own != wanted or not own))
    return rows


def read_security(client, resources, subscription, name, found):
    """Every operation that reads, of every group that the client has. `found` counts the rows of those that one subscription must have."""
    groups = [own for own in dir(client) if not own.startswith("_") and type(getattr(client, own)).__name__.endswith("Operations")]
    known = reads(client, resources, subscription)
    rows, asked = [], set()
    for read in known:
        group = read.listing.partition(".")[0]
        if group not in groups:
            continue
        asked |= {read.listing, read.getting}
        row = compared(read, name)
        rows.append(row)
        if read.rows == SOMEWHERE:
            found[read.listing] = found.get(read.listing, 0) + row.n
    built = {operation.partition(".")[0] for operation in asked}
    rows += [Row(f"{group}.*", name, 0, "neither read nor in NOT_BUILT", True) for group in groups if group not in built | NOT_BUILT]
    rows += [Row(f"{group}.*", name, 0, "in NOT_BUILT, and read", True) for group in groups if group in built & NOT_BUILT]
    for group in groups:
        operations = getattr(client, group)
        reading = [own for own in dir(operations) if own.startswith(("list", "get")) and callable(getattr(operations, own))]
        rows += [not_there(operations, group, own, subscription, name) for own in reading if f"{group}.{own}" not in asked]
    return rows


def compared(read, name):
    """Lists rows, and gets the first of them again."""
    try:
        listed = list(read.listed())
        first = list(itertools.islice(listed, FIRST))
        differing = [f"{members} of {row.id}" for row in first if read.again and (members := differences(row, read.again(row)))]
    except HttpResponseError as error:
        # What nobody reads in a subscription is no empty list.
        is_missing = read.rows == SOMEWHERE and error.error and error.error.code == MISSING
        return Row(read.listing, name, 0, MISSING if is_missing else f"{error.message[:160]}", not is_missing)
    except Exception as error:  # noqa: BLE001: whatever the SDK makes of the answer is a finding
        return Row(read.listing, name, 0, f"{type(error).__name__}: {str(error)[:160]}", True)
    if differing:
        return Row(read.listing, name, len(listed), f"{read.getting} differs in {differing[0]}", True)
    remark = f"{read.getting.partition('.')[2]} of {len(first)}" if read.again and first else ""
    return Row(read.listing, name, len(listed), remark, read.rows == EVERYWHERE and not listed)


def differences(row, again):
    """The members in which two answers differ; what is left of a trial is less at each."""
    one, other = row.as_dict(), again.as_dict()
    return [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name) and name != "free_trial_remaining_time"]


def not_there(operations, group, operation, subscription, name):
    """Asks for something of a feature that is not there."""
    method = getattr(operations, operation)
    needed = [own for own in inspect.signature(method).parameters.values()
              if own.default is inspect.Parameter.empty and own.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    scopes = ("scope", "scope_id", "resource_id")
    values = [f"/subscriptions/{subscription}" if own.name in scopes else "local" if own.name == "asc_location" else "x" for own in needed]
    operation = f"{group}.{operation}"
    try:
        answer = method(*values)
        answer = list(answer) if hasattr(answer, "__next__") or hasattr(answer, "by_page") else [answer]
        return Row(operation, name, len(answer), "it answers, and is not in sdk_reads.py", True)
    except HttpResponseError as error:
        code = error.error.code if error.error else None
        return Row(operation, name, 0, MISSING if code == MISSING else f"{error.status_code} {code}", code != MISSING)
    except Exception as error:  # noqa: BLE001: as above
        return Row(operation, name, 0, f"{type(error).__name__}: {str(error)[:160]}", True)


if __name__ == "__main__":
    sys.exit(main())
