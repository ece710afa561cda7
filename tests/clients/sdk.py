"""What the real SDK sees: azure-mgmt-security and azure-mgmt-resource list and get every built group.

    az-client python tests/clients/sdk.py ADDRESS TENANT CLIENT_ID CLIENT_SECRET

Run by the environment that `az-client` makes (it trusts the server's CA). Each list must answer, and each row that has an operation to
get it must come back the same. Prints a table, exits 1 if something differs.
"""

import itertools
import sys

from azure.identity import ClientSecretCredential
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.security import SecurityCenter

FIRST = 25


def main():
    address, tenant, client, secret = sys.argv[1:]
    credential = ClientSecretCredential(tenant, client, secret, authority=address, disable_instance_discovery=True)
    ends = {"base_url": address, "credential_scopes": [f"{address}/.default"]}
    rows = []
    subscriptions = listed_subscriptions(credential, address)
    rows.append(("subscriptions", "", len(subscriptions), "", bool(subscriptions)))
    for one in subscriptions:
        resources = ResourceManagementClient(credential, one["subscriptionId"], **ends)
        security = SecurityCenter(credential, one["subscriptionId"], **ends)
        scope = one["id"]
        standards = [own.name for own in security.regulatory_compliance_standards.list()]
        calls = [
            ("resource groups", resources.resource_groups.list, lambda row: resources.resource_groups.get(row.name)),
            ("resources", resources.resources.list, None),
            ("providers", resources.providers.list, lambda row: resources.providers.get(row.namespace)),
            ("secureScores", security.secure_scores.list, lambda row: security.secure_scores.get(row.name)),
            ("secureScoreControls", security.secure_score_controls.list, None),
            ("secureScoreControls of a score", lambda: security.secure_score_controls.list_by_secure_score("ascScore"), None),
            ("secureScoreControlDefinitions", security.secure_score_control_definitions.list_by_subscription, None),
            ("assessments", lambda: security.assessments.list(scope),
             lambda row: security.assessments.get(row.id.split("/providers/Microsoft.Security/assessments/")[0], row.name)),
            ("subAssessments", lambda: security.sub_assessments.list_all(scope), None),
            ("assessmentMetadata", security.assessments_metadata.list_by_subscription,
             lambda row: security.assessments_metadata.get_in_subscription(row.name)),
            ("regulatoryComplianceStandards", security.regulatory_compliance_standards.list,
             lambda row: security.regulatory_compliance_standards.get(row.name)),
            ("regulatoryComplianceControls", lambda: security.regulatory_compliance_controls.list(standards[0]),
             lambda row: security.regulatory_compliance_controls.get(standards[0], row.name)),
            ("locations", security.locations.list, lambda row: security.locations.get(row.name)),
            ("tasks", security.tasks.list, lambda row: security.tasks.get_subscription_level_task("local", row.name)),
            ("securityConnectors", security.security_connectors.list,
             lambda row: security.security_connectors.get("skywarden", row.name)),
            ("pricings", lambda: security.pricings.list(scope).value, lambda row: security.pricings.get(scope, row.name)),
            ("settings", security.settings.list, lambda row: security.settings.get(row.name)),
            ("autoProvisioningSettings", security.auto_provisioning_settings.list,
             lambda row: security.auto_provisioning_settings.get(row.name)),
            ("securityContacts", lambda: written_contacts(security), lambda row: security.security_contacts.get(row.name)),
            ("workspaceSettings", lambda: written_workspaces(security, scope),
             lambda row: security.workspace_settings.get(row.name)),
            ("applications", lambda: written_applications(security), lambda row: security.application.get(row.name)),
            ("governanceRules", lambda: executed_rules(security, scope),
             lambda row: security.governance_rules.get(scope, row.name)),
            ("pricings that are set", lambda: [set_pricing(security, scope)], lambda row: security.pricings.get(scope, row.name)),
        ]
        for name, listed, again in calls:
            try:
                found = list(listed())
                differing = [row.id for row in itertools.islice(found, FIRST) if again and again(row).as_dict() != row.as_dict()]
                rows.append((name, one["displayName"], len(found), "" if again else "no get", not differing))
            except Exception as error:  # noqa: BLE001: whatever the SDK makes of the answer is a finding
                rows.append((name, one["displayName"], 0, f"{type(error).__name__}: {str(error)[:160]}", False))
    for name, where, count, remark, is_right in rows:
        print(f"{'ok  ' if is_right else 'BAD '} {name:32} {where:36} {count:6} {remark}")
    n_bad = sum(not row[-1] for row in rows)
    print(f"{len(rows)} calls, {n_bad} wrong")
    return min(n_bad, 1)


def written_contacts(security):
    """A contact in the shape of 2020-01-01-preview, which this SDK has."""
    security.security_contacts.create("default", {"properties": {
        "emails": "a@house.example", "alertNotifications": {"state": "On", "minimalSeverity": "High"},
        "notificationsByRole": {"state": "On", "roles": ["Owner"]}}})
    return security.security_contacts.list()


def written_workspaces(security, scope):
    security.workspace_settings.create("default", {"properties": {"workspaceId": "/w", "scope": scope}})
    return security.workspace_settings.list()


def written_applications(security):
    security.application.create_or_update("9f3c1d6e-0000-4000-8000-000000000001", {"properties": {
        "displayName": "shop", "sourceResourceType": "Assessments",
        "conditionSets": [{"conditions": [{"property": "$.BelongsToEnvironment", "value": "x", "operator": "Contains"}]}]}})
    return security.applications.list()


def executed_rules(security, scope):
    """A rule that is carried out to its end; each run of this script replaces it."""
    rule = "9f3c1d6e-0000-4000-8000-000000000002"
    security.governance_rules.create_or_update(scope, rule, {"properties": {
        "displayName": "ours", "remediationTimeframe": "7.00:00:00", "rulePriority": 100, "ruleType": "Integrated",
        "sourceResourceType": "Assessments", "ownerSource": {"type": "Manually", "value": "ann@house.example"},
        "conditionSets": [{"conditions": [{"property": "$.Severity", "value": "High", "operator": "Equals"}]}]}})
    security.governance_rules.begin_execute(scope, rule, {"override": True}).result()
    return security.governance_rules.list(scope)


def set_pricing(security, scope):
    """Off and on again."""
    for tier in ("Free", "Standard"):
        set_to = security.pricings.update(scope, "VirtualMachines", {"properties": {"pricingTier": tier}})
        assert set_to.pricing_tier == tier, set_to.pricing_tier
    return set_to


def listed_subscriptions(credential, address):
    """The client of subscriptions is a package of its own since azure-mgmt-resource 25: its pipeline alone does it."""
    policy = ARMChallengeAuthenticationPolicy(credential, f"{address}/.default")
    with ARMPipelineClient(address, policies=[policy]) as client:
        answer = client.send_request(HttpRequest("GET", f"{address}/subscriptions?api-version=2022-12-01"))
        answer.raise_for_status()
        return answer.json()["value"]


if __name__ == "__main__":
    sys.exit(main())
