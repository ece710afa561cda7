"""How sdk.py reads each built group of operations of azure-mgmt-security, and what it writes before."""

import inspect
import itertools
from typing import Callable, NamedTuple

FIRST = 25
EVERYWHERE, SOMEWHERE, PERHAPS = "everywhere", "somewhere", "perhaps"
STANDARD = "mcsb-v1"
APPLICATION = "9f3c1d6e-0000-4000-8000-000000000001"
RULE = "9f3c1d6e-0000-4000-8000-000000000002"
CONDITIONS = [{"conditions": [{"property": "$.BelongsToEnvironment", "value": "x", "operator": "Contains"}]}]


class Read(NamedTuple):
    """How a group is read: the operation that lists rows, and the one that gets a row again. Rows are in every subscription, in one, or perhaps in none."""

    listing: str
    listed: Callable
    getting: str = ""
    again: Callable = None
    rows: str = EVERYWHERE


def reads(client, resources, subscription):
    """How each built group is read; what has to be written before is written when it is listed."""
    scope = f"/subscriptions/{subscription}"
    standards = client.regulatory_compliance_standards
    controls = client.regulatory_compliance_controls
    checks = client.regulatory_compliance_assessments
    control = next((own.name for own in controls.list(STANDARD) if own.failed_assessments), "")
    on = lambda row: row.id.split("/providers/Microsoft.Security/")[0] if "/securityEntityData/" not in row.id else entity(row.id)
    resource = next(own.id for own in resources.resources.list())
    group, connector, hashed = part(resource, "resourceGroups"), part(resource, "securityConnectors"), part(resource, "securityEntityData")
    machine = (group, "Microsoft.Security", f"securityConnectors/{connector}/securityEntityData", hashed)
    failed = next((own for own in client.assessments.list(scope) if own.status.code == "Unhealthy"), None)
    # The generation before knows no scopes of plans.
    of_plan = lambda: [scope] if "scope_id" in inspect.signature(client.pricings.get).parameters else []
    finding = lambda: next(iter(client.sub_assessments.list_all(scope)), None)
    return [
        Read("secure_scores.list", client.secure_scores.list, "secure_scores.get", lambda row: client.secure_scores.get(row.name)),
        Read("secure_score_controls.list", client.secure_score_controls.list),
        Read("secure_score_controls.list_by_secure_score", lambda: client.secure_score_controls.list_by_secure_score("ascScore")),
        Read("secure_score_control_definitions.list", client.secure_score_control_definitions.list),
        Read("secure_score_control_definitions.list_by_subscription", client.secure_score_control_definitions.list_by_subscription),
        Read("assessments.list", lambda: client.assessments.list(scope), "assessments.get",
             lambda row: client.assessments.get(entity(row.id), row.name)),
        Read("sub_assessments.list_all", lambda: client.sub_assessments.list_all(scope), "sub_assessments.get",
             lambda row: client.sub_assessments.get(entity(row.id), part(row.id, "assessments"), row.name), SOMEWHERE),
        Read("sub_assessments.list",
             lambda: [] if finding() is None else client.sub_assessments.list(entity(finding().id), part(finding().id, "assessments")),
             rows=SOMEWHERE),
        Read("assessments_metadata.list", client.assessments_metadata.list, "assessments_metadata.get",
             lambda row: client.assessments_metadata.get(row.name)),
        Read("assessments_metadata.list_by_subscription", client.assessments_metadata.list_by_subscription,
             "assessments_metadata.get_in_subscription",
             lambda row: client.assessments_metadata.get_in_subscription(row.name)),
        Read("regulatory_compliance_standards.list", standards.list, "regulatory_compliance_standards.get", lambda row: standards.get(row.name)),
        Read("regulatory_compliance_controls.list", lambda: controls.list(STANDARD), "regulatory_compliance_controls.get",
             lambda row: controls.get(STANDARD, row.name)),
        Read("regulatory_compliance_assessments.list", lambda: checks.list(STANDARD, control), "regulatory_compliance_assessments.get",
             lambda row: checks.get(STANDARD, control, row.name)),
        Read("locations.list", client.locations.list, "locations.get", lambda row: client.locations.get(row.name)),
        Read("tasks.list", client.tasks.list, "tasks.get_subscription_level_task",
             lambda row: client.tasks.get_subscription_level_task("local", row.name)),
        Read("tasks.list_by_home_region", lambda: client.tasks.list_by_home_region("local")),
        Read("tasks.list_by_resource_group", lambda: client.tasks.list_by_resource_group(part(failed.id, "resourceGroups"), "local"),
             "tasks.get_resource_group_level_task",
             lambda row: client.tasks.get_resource_group_level_task(part(failed.id, "resourceGroups"), "local", row.name)),
        Read("health_report.get", lambda: older_reports(client, scope, on)),
        Read("health_reports.list", lambda: client.health_reports.list(scope), "health_reports.get",
             (lambda row: client.health_reports.get(on(row), row.name)) if hasattr(client.health_reports, "get") else None),
        Read("software_inventories.list_by_subscription", client.software_inventories.list_by_subscription, rows=SOMEWHERE),
        Read("software_inventories.list_by_extended_resource", lambda: client.software_inventories.list_by_extended_resource(*machine),
             "software_inventories.get", lambda row: client.software_inventories.get(*machine, row.name), SOMEWHERE),
        Read("security_connectors.list", client.security_connectors.list, "security_connectors.get",
             lambda row: client.security_connectors.get(part(row.id, "resourceGroups"), row.name), SOMEWHERE),
        Read("security_connectors.list_by_resource_group", lambda: client.security_connectors.list_by_resource_group("skywarden"), rows=SOMEWHERE),
        Read("security_connector_applications.list", lambda: written_applications_of_connectors(client), "security_connector_application.get",
             lambda row: client.security_connector_application.get(part(row.id, "resourceGroups"), part(row.id, "securityConnectors"), row.name), SOMEWHERE),
        Read("pricings.list", lambda: client.pricings.list(*of_plan()).value, "pricings.get", lambda row: client.pricings.get(*of_plan(), row.name)),
        Read("pricings.list", lambda: [set_plan(client, of_plan())], "pricings.get", lambda row: client.pricings.get(*of_plan(), row.name)),
        Read("settings.list", client.settings.list, "settings.get", lambda row: client.settings.get(row.name)),
        Read("auto_provisioning_settings.list", client.auto_provisioning_settings.list, "auto_provisioning_settings.get",
             lambda row: client.auto_provisioning_settings.get(row.name)),
        Read("security_contacts.list", lambda: written_contacts(client), "security_contacts.get", lambda row: client.security_contacts.get(row.name)),
        Read("workspace_settings.list", lambda: written_workspaces(client, scope), "workspace_settings.get",
             lambda row: client.workspace_settings.get(row.name)),
        Read("applications.list", lambda: written_applications(client), "application.get", lambda row: client.application.get(row.name)),
        Read("alerts.list", lambda: sample_alerts(client), "alerts.get_subscription_level",
             lambda row: client.alerts.get_subscription_level("local", row.name)),
        Read("alerts.list_subscription_level_by_region", lambda: client.alerts.list_subscription_level_by_region("local")),
        # Samples lie in no group.
        Read("alerts.list_by_resource_group", lambda: client.alerts.list_by_resource_group(group), "alerts.get_resource_group_level",
             lambda row: client.alerts.get_resource_group_level(group, "local", row.name), PERHAPS),
        Read("alerts.list_resource_group_level_by_region", lambda: client.alerts.list_resource_group_level_by_region("local", group), rows=PERHAPS),
        Read("alerts_suppression_rules.list", lambda: written_suppression(client), "alerts_suppression_rules.get",
             lambda row: client.alerts_suppression_rules.get(row.name)),
        Read("governance_rules.list", lambda: executed_rules(client, scope), "governance_rules.get",
             lambda row: client.governance_rules.get(scope, row.name)),
        Read("governance_assignments.list", lambda: client.governance_assignments.list(entity(failed.id), failed.name), "governance_assignments.get",
             lambda row: client.governance_assignments.get(entity(failed.id), failed.name, row.name)),
    ]


def older_reports(client, scope, on):
    """Reports one by one, in an older api-version that says less of each than the list does."""
    reports = []
    for row in itertools.islice(client.health_reports.list(scope), FIRST):
        reports.append(client.health_report.get(on(row), row.name))
        own, wanted = (reports[-1].id, reports[-1].status.code), (row.id, row.status.code)
        assert own == wanted, f"{own} is not {wanted}"
    return reports


def entity(id):
    """The resource that an id of something on it begins with."""
    before, _, rest = id.partition("/securityEntityData/")
    return f"{before}/securityEntityData/{rest.partition('/')[0]}"


def part(id, name):
    """What follows a name in an id."""
    steps = id.split("/")
    return steps[steps.index(name) + 1] if name in steps else ""


def written_contacts(client):
    """A contact in the shape of 2020-01-01-preview, which these clients have."""
    client.security_contacts.create("default", {"properties": {
        "emails": "a@house.example", "alertNotifications": {"state": "On", "minimalSeverity": "High"},
        "notificationsByRole": {"state": "On", "roles": ["Owner"]}}})
    return client.security_contacts.list()


def sample_alerts(client):
    client.alerts.begin_simulate("local", {"properties": {"kind": "Bundles", "bundles": ["KeyVaults", "DNS"]}}).result()
    return client.alerts.list()


def written_suppression(client):
    client.alerts_suppression_rules.update("quiet", {"properties": {"alertType": "KV_Test", "reason": "Other", "state": "Disabled"}})
    return client.alerts_suppression_rules.list()


def written_workspaces(client, scope):
    client.workspace_settings.create("default", {"properties": {"workspaceId": "/w", "scope": scope}})
    return client.workspace_settings.list()


def written_applications(client):
    client.application.create_or_update(APPLICATION, {"properties": {
        "displayName": "shop", "sourceResourceType": "Assessments", "conditionSets": CONDITIONS}})
    return client.applications.list()


def written_applications_of_connectors(client):
    found = []
    for own in client.security_connectors.list():
        where = (part(own.id, "resourceGroups"), own.name)
        client.security_connector_application.create_or_update(*where, APPLICATION, {"properties": {
            "displayName": "shop", "sourceResourceType": "Assessments", "conditionSets": CONDITIONS}})
        found += client.security_connector_applications.list(*where)
    return found


def executed_rules(client, scope):
    """A rule that is carried out to its end."""
    client.governance_rules.create_or_update(scope, RULE, {"properties": {
        "displayName": "ours", "remediationTimeframe": "7.00:00:00", "rulePriority": 100, "ruleType": "Integrated",
        "sourceResourceType": "Assessments", "ownerSource": {"type": "Manually", "value": "ann@house.example"},
        "conditionSets": [{"conditions": [{"property": "$.Severity", "value": '["High", "Medium", "Low"]', "operator": "In"}]}]}})
    client.governance_rules.begin_execute(scope, RULE, {"override": True}).result()
    return client.governance_rules.list(scope)


def set_plan(client, of_plan):
    """Off and on again."""
    for tier in ("Free", "Standard"):
        set_to = client.pricings.update(*of_plan, "VirtualMachines", {"properties": {"pricingTier": tier}})
        assert set_to.pricing_tier == tier, set_to.pricing_tier
    return set_to
