"""What az.py runs: each command of `az`, what it must come to, and by which other command a change is seen.

In a command and in what is read of it stand words in braces: `{subscription}`, `{folder}`, and what an earlier command taught (`learns`).
"""

from typing import Any, NamedTuple

# What a command comes to, beside the code of a refusal.
ROWS = "rows"  # an object, or a list that is not empty
ANY = "any"  # a list that may be empty: what it lists need not be there
DONE = "done"  # a change, which the second read sees
LOCAL = "local"  # an object that `az` makes by itself, without the server
MISSING = "FeatureNotAvailable"
HIDDEN = "hidden"  # a delete that waits for its end: `az` takes a 404 of it for success, and `--debug` alone shows MISSING


class Step(NamedTuple):
    """One command. `read` is the second read of a change, and what it prints is `shows`, as JSON."""

    command: str
    wanted: str = ROWS
    read: str = ""
    shows: Any = None
    # Named groups of a regular expression over the answer become words of later commands.
    learns: str = ""


def done(command, read, shows):
    return Step(command, DONE, read, shows)


def refused(command, code):
    return Step(command, code)


# What stands around `az security`.
GROUND = [
    Step("account list"),
    Step("group list", learns=r'"name": "(?P<place>[^"]+)"'),
    Step("group list --tag nobody=has", ANY),
    Step("resource list", learns=r'"id": "(?P<resource>[^"]+/securityEntityData/[^"]+)"'),
    Step("resource list -g {place}", learns=r'"name": "(?P<called>[^"]+)"'),
    # A type without a slash, as those of AWS are, `az` does not take.
    Step("resource list --name '{called}'", learns=r'"type": "(?P<kind>[^"/]+/[^"]+)"'),
    Step("resource list -g {place} --resource-type {kind}"),
    Step("resource list --location {place}"),
    Step("resource list --tag nobody=has", ANY),
    Step("provider list"),
    Step("account list-locations"),
    Step("role definition list"),
    Step("role assignment list --all"),
]

KEY = "ca039e75-a276-4175-aebc-bcd41e4b14b7"
ON = f"-n {KEY} --assessed-resource-id {{resource}}"
METADATA = f"security assessment-metadata list --query \"[?name=='{KEY}'].displayName | [0]\""
OWN = f"security assessment list --query \"[?name=='{KEY}'].[status.code, status.cause] | [0]\""
CONTROLS = "security regulatory-compliance-controls"
CHECKS = "security regulatory-compliance-assessments"
CONTACT = "security contact list --query \"[?name=='default'].[emails, phone] | [0]\""
WORKSPACE = "security workspace-setting list --query \"[?name=='default'].workspaceId | [0]\""


def plan(column):
    return f"security pricing list --query \"value[?name=='VirtualMachines'].{column} | [0]\""


def setting(name):
    return f"security setting list --query \"[?name=='{name}'].enabled | [0]\""


# Every built command of `az security`, in order.
SECURITY = [
    Step("security location list", learns=r'"name": "(?P<location>[^"]+)"'),
    Step("security location show -n {location}"),
    Step("security secure-scores list", learns=r'"name": "(?P<score>[^"]+)"'),
    Step("security secure-scores show -n {score}"),
    Step("security secure-score-controls list"),
    Step("security secure-score-controls list_by_score -n {score}"),
    Step("security secure-score-control-definitions list"),
    Step("security regulatory-compliance-standards list"),
    Step("security regulatory-compliance-standards show -n mcsb-v1"),
    Step(CONTROLS + " list --standard-name mcsb-v1",
         learns=r'"failedAssessments": [1-9]\d*,\s+"id": "[^"]*",\s+"name": "(?P<control>[^"]+)"'),
    Step(CONTROLS + " show --standard-name mcsb-v1 -n {control}"),
    Step(CHECKS + " list --standard-name mcsb-v1 --control-name {control}", learns=r'"name": "(?P<check>[^"]+)"'),
    Step(CHECKS + " show --standard-name mcsb-v1 --control-name {control} -n {check}"),
    Step("security assessment list",
         learns=r'"id": "(?P<assessed>/subscriptions/[^"]+)/providers/Microsoft.Security/assessments/(?P<key>[^"/]+)"'),
    Step("security assessment show -n {key} --assessed-resource-id {assessed}"),
    Step("security assessment-metadata list"),
    Step("security assessment-metadata show -n {key}"),
    # The accounts of AWS have no assessment that consists of findings.
    Step("security sub-assessment list", ANY,
         learns=r'"id": "(?P<examined>/subscriptions/[^"]+)/providers/Microsoft.Security/assessments/(?P<examination>[^"/]+)/subAssessments/(?P<finding>[^"]+)"'),
    Step("security sub-assessment show -n {finding} --assessment-name {examination} --assessed-resource-id {examined}"),
    Step("security task list", learns=r'"name": "(?P<task>[^"]+\.[^"]+)"'),
    Step("security task show -n {task}", learns=r"/resourceGroups/(?P<room>[^/]+)/"),
    Step("security task list -g {room}"),
    Step("security task show -g {room} -n {task}"),
    # A subscription is no resource here.
    refused(f"security assessment create -n {KEY} --status-code Healthy", MISSING),
    refused(f"security assessment create {ON} --status-code Healthy", "InvalidRequest"),
    done(f"security assessment-metadata create -n {KEY} --display-name Listed --severity High --description 'It is in the list'", METADATA, "Listed"),
    Step(f"security assessment-metadata show -n {KEY}"),
    done(f"security assessment create {ON} --status-code Unhealthy --status-cause Audit", OWN, ["Unhealthy", "Audit"]),
    done(f"security assessment create {ON} --status-code Healthy --status-cause Found",
         f"security assessment show {ON} --query [status.code,status.cause]", ["Healthy", "Found"]),
    done(f"security assessment delete {ON}", OWN, None),
    refused(f"security assessment show {ON}", "ResourceNotFound"),
    done(f"security assessment-metadata delete -n {KEY}", METADATA, None),
    refused(f"security assessment-metadata show -n {KEY}", "ResourceNotFound"),
    Step("security auto-provisioning-setting list"),
    Step("security auto-provisioning-setting show -n default"),
    done("security auto-provisioning-setting update -n default --auto-provision On",
         "security auto-provisioning-setting list --query [0].autoProvision", "On"),
    done("security auto-provisioning-setting update -n default --auto-provision Off",
         "security auto-provisioning-setting show -n default --query autoProvision", "Off"),
    done("security contact create -n default --emails a@house.example --alert-notifications state=On minimalSeverity=Low", CONTACT,
         ["a@house.example", None]),
    Step("security contact list"),
    Step("security contact show -n default"),
    done("security contact update -n default --phone 1", CONTACT, ["a@house.example", "1"]),
    done("security contact delete -n default -y", CONTACT, None),
    Step("security pricing list"),
    done("security pricing create -n VirtualMachines --tier Free", plan("pricingTier"), "Free"),
    done("security pricing create -n VirtualMachines --tier Standard --subplan P2", plan("[pricingTier, subPlan]"), ["Standard", "P2"]),
    Step("security pricing show -n VirtualMachines"),
    Step("security setting list"),
    Step("security setting show -n MCAS"),
    done("security setting update -n MCAS --data-export-settings enabled=true", setting("MCAS"), True),
    done("security setting create -n Sentinel --alert-sync-settings enabled=true", setting("Sentinel"), True),
    done("security setting create -n MCAS --data-export-settings enabled=false", setting("MCAS"), False),
    done("security workspace-setting create -n default --target-workspace /w", WORKSPACE, "/w"),
    Step("security workspace-setting list"),
    Step("security workspace-setting show -n default"),
    done("security workspace-setting delete -n default", WORKSPACE, None),
]

CONNECTOR = "-n {connector} -g {group}"

# One's own machines are no connector of another cloud: their subscription has none.
CONNECTORS = [
    Step("security security-connector list", ANY,
         learns=r'resourceGroups/(?P<group>[^"/]+)/providers/Microsoft.Security/securityConnectors/(?P<connector>[^"/]+)"'),
    Step(f"security security-connector show {CONNECTOR}"),
]

# The life of a connector.
PROD = "-n prod -g security"
SHOWN = f"security security-connector show {PROD} --query "
FOUND = "security security-connector list -g security --query \"[?name=='prod'].hierarchyIdentifier | [0]\""
READING = "cspm-monitor-aws.native-cloud-connection.cloud-role-arn=arn:aws:iam::123456789012:role/Skywarden"


def connect(name, account="123456789012", environment="AWS"):
    return (f"security security-connector create -n {name} -g security --location westeurope --hierarchy-identifier {account} "
            f"--environment-name {environment} --environment-data aws-account.scan-interval=12 --offerings [0].{READING} ")


CONNECTING = [
    refused(f"security security-connector show {PROD}", "ResourceNotFound"),
    refused(connect("prod", account="210987654321"), "InvalidRequestContent"),
    refused(connect("prod", environment="GitHub"), "EnvironmentNotSupported"),
    done(connect("prod") + "[1].defender-for-servers-aws.sub-plan.type=P1 --tags team=blue",
         SHOWN + "[tags.team,environmentData.scanInterval,offerings[1].subPlan.type]", ["blue", 12, "P1"]),
    done(f"security security-connector update {PROD} --tags team=green", FOUND, "123456789012"),
    Step("account list --refresh --query \"[?name=='AWS account 123456789012']\""),
    refused(connect("second"), "AccountConnected"),
    done(f"security security-connector update {PROD} --tags team=red --environment-data aws-account.regions=['eu-central-1']",
         SHOWN + "[tags.team,environmentData.regions[0],offerings[1].offeringType]", ["red", "eu-central-1", "DefenderForServersAws"]),
    done(f"security security-connector delete {PROD} --yes", FOUND, None),
    refused(f"security security-connector show {PROD}", "ResourceNotFound"),
]

GROUP = "/providers/Microsoft.Management/managementGroups/corp"
CORP = GROUP + "/providers/Microsoft.Authorization"
ASSIGNMENT = "/subscriptions/{subscription}/providers/Microsoft.Authorization/policyAssignments/house"
DEFINITION = "/subscriptions/{subscription}/providers/Microsoft.Authorization/policyDefinitions/owner"
COMPANY = "account management-group list --no-register --query \"[?name=='corp'].displayName | [0]\""
# `az` lists those of the resource group where the scope is a resource that lies in another.
ANYWHERE = "--disable-scope-strict-match"
BELOW = "account management-group show -n corp --expand --no-register --query \"children[].name\""


def named(kind, name, what="name", where=""):
    """What a list says of the one with a name; nothing if it is not there."""
    return f"policy {kind} list {where} --query \"[?name=='{name}'].{what} | [0]\""


# The life of a policy, as Owner, in the subscription of the machine.
POLICY = [
    done("account management-group create -n corp --display-name Corp --no-register", COMPANY, "Corp"),
    Step("account management-group list --no-register"),
    Step("account management-group show -n corp --no-register"),
    done("account management-group subscription add --name corp --subscription {subscription}", BELOW, ["{subscription}"]),
    Step("account management-group show -n corp --expand --recurse --no-register"),
    done("account management-group update -n corp --display-name Company", COMPANY, "Company"),
    done("policy definition create -n owner --rules {folder}/rule.json --mode All --display-name 'Machines have an owner'",
         named("definition", "owner", "displayName"), "Machines have an owner"),
    done("policy definition create -n region --management-group corp --rules {folder}/rule.json --mode All",
         named("definition", "region", where="--management-group corp"), "region"),
    refused("policy definition create -n wrong --rules {folder}/wrong.json --mode All", "InvalidPolicyRule"),
    Step("policy definition list"),
    Step("policy definition list --management-group corp"),
    Step("policy definition show -n owner"),
    Step("policy definition show -n region --management-group corp"),
    refused("policy definition show -n none", "PolicyDefinitionNotFound"),
    done("policy definition update -n owner --description 'Somebody answers for it'", named("definition", "owner", "description"),
         "Somebody answers for it"),
    done("policy set-definition create -n house --definitions {folder}/set.json --display-name 'House rules'",
         named("set-definition", "house", "policyDefinitions[0].policyDefinitionReferenceId"), "owner"),
    Step("policy set-definition list"),
    Step("policy set-definition show -n house"),
    done("policy assignment create -n house --policy-set-definition house --display-name 'House rules'", named("assignment", "house", "displayName"),
         "House rules"),
    done("policy assignment create -n corp --policy " + CORP + "/policyDefinitions/region --scope " + GROUP,
         named("assignment", "corp", "scope", "--scope " + GROUP), GROUP),
    refused("policy assignment create -n out --policy " + DEFINITION + " --scope " + GROUP, "InvalidCreatePolicyAssignmentRequest"),
    done("policy assignment create -n one --policy " + DEFINITION + " --scope {resource}", named("assignment", "one", "scope", ANYWHERE), "{resource}"),
    Step("policy assignment show -n one --scope {resource}"),
    Step("policy assignment list --scope " + GROUP),
    Step("policy assignment list"),
    Step("policy assignment list --disable-scope-strict-match"),
    Step("policy assignment show -n house"),
    done("policy state trigger-scan", "policy state list --query \"[?policyAssignmentName=='house'].policyDefinitionName | [0]\"", "owner"),
    Step("policy state list"),
    Step("policy state list --filter \"complianceState eq 'NonCompliant'\" --select 'resourceId, complianceState' --top 5"),
    Step("policy state list --policy-set-definition house"),
    Step("policy state list --policy-definition owner"),
    Step("policy state list --resource {resource} --expand PolicyEvaluationDetails"),
    Step("policy state list --policy-assignment house --apply 'groupby((complianceState), aggregate($count as N))'"),
    Step("policy state list --management-group corp"),
    refused("policy state list --filter 'colour eq 1'", "InvalidFilterInQueryString"),
    Step("policy state summarize"),
    done("policy exemption create -n known --exemption-category Waiver --policy-assignment " + ASSIGNMENT,
         named("exemption", "known", "exemptionCategory"), "Waiver"),
    done("policy exemption create -n resource --exemption-category Mitigated --scope {resource} --policy-assignment " + ASSIGNMENT,
         named("exemption", "resource", "exemptionCategory", ANYWHERE), "Mitigated"),
    Step("policy exemption show -n resource --scope {resource}"),
    done("policy exemption delete -n resource --scope {resource}", named("exemption", "resource", where=ANYWHERE), None),
    Step("policy exemption list"),
    Step("policy exemption show -n known"),
    done("policy exemption update -n known --description 'until spring'", named("exemption", "known", "description"), "until spring"),
    Step("policy state list --filter \"complianceState eq 'Exempt'\""),
    refused("policy definition delete -n owner", "PolicyDefinitionInUse"),
    done("policy exemption delete -n known", named("exemption", "known"), None),
    done("policy assignment delete -n house", named("assignment", "house"), None),
    done("policy assignment delete -n one --scope {resource}", named("assignment", "one", where=ANYWHERE), None),
    done("policy assignment delete -n corp --scope " + GROUP, named("assignment", "corp", where="--scope " + GROUP), None),
    done("policy set-definition delete -n house", named("set-definition", "house"), None),
    done("policy definition delete -n owner", named("definition", "owner"), None),
    done("policy definition delete -n region --management-group corp", named("definition", "region", where="--management-group corp"), None),
    done("account management-group subscription remove --name corp --subscription {subscription}", BELOW, []),
    done("account management-group delete -n corp --no-register", COMPANY, None),
]

HARDENED = "-g g --resource-namespace Microsoft.Compute --resource-type virtualMachines --resource-name m"
API = "-g g --service-name s -n a"
AUTOMATION = (
    "-g g -n a -l local --scopes '[{\"description\": \"d\", \"scopePath\": \"/subscriptions/{subscription}\"}]'"
    " --sources '[{\"eventSource\": \"Assessments\", \"ruleSets\": null}]'"
    " --actions '[{\"actionType\": \"Workspace\", \"workspaceResourceId\": \"/w\"}]'"
)
DEVOPS = "-g g -n c"
ORGANISATION = DEVOPS + " --org-name o"
PROJECT = ORGANISATION + " --project-name p"
REPOSITORY = PROJECT + " --repo-name r"
OWNER = DEVOPS + " --owner-name o"
GITLAB = DEVOPS + " --group-name o"
DATABASE = "--resource-id /subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Sql/servers/s/databases/d"
# Of a `404` while it waits, `wait` tells with this condition alone.
WAIT = "--updated --timeout 2 --interval 1"

# Commands of features that are not there, below `az security`.
NOT_BUILT = [
    "adaptive-application-controls list",
    "adaptive-application-controls show --group-name g",
    f"adaptive_network_hardenings list {HARDENED}",
    f"adaptive_network_hardenings show {HARDENED} --adaptive-network-hardenings-resource-name n",
    "allowed_connections list",
    "allowed_connections show -g g -n Internal",
    "api-collection apim list",
    f"api-collection apim onboard {API}",
    f"api-collection apim show {API}",
    f"api-collection apim wait {API} {WAIT}",
    f"api-collection apim offboard {API} -y",
    "atp storage show -g g --storage-account s",
    "atp storage update -g g --storage-account s --is-enabled true",
    "atp cosmosdb show -g g --cosmosdb-account s",
    "atp cosmosdb update -g g --cosmosdb-account s --is-enabled true",
    "automation list",
    "automation show -g g -n a",
    f"automation create_or_update {AUTOMATION}",
    f"automation validate {AUTOMATION}",
    "automation delete -g g -n a",
    "discovered-security-solution list",
    "discovered-security-solution show -g g -n s",
    "external-security-solution list",
    "external-security-solution show -g g -n s",
    "jit-policy list",
    "jit-policy show -l local -g g -n p",
    f"security-connector devops create {DEVOPS}",
    f"security-connector devops show {DEVOPS}",
    f"security-connector devops update {DEVOPS} --auto-discovery Enabled",
    f"security-connector devops wait {DEVOPS} {WAIT}",
    f"security-connector devops list-available-azuredevopsorgs {DEVOPS}",
    f"security-connector devops list-available-githubowners {DEVOPS}",
    f"security-connector devops list-available-gitlabgroups {DEVOPS}",
    f"security-connector devops azuredevopsorg list {DEVOPS}",
    f"security-connector devops azuredevopsorg create {ORGANISATION}",
    f"security-connector devops azuredevopsorg show {ORGANISATION}",
    f"security-connector devops azuredevopsorg update {ORGANISATION}",
    f"security-connector devops azuredevopsorg wait {ORGANISATION} {WAIT}",
    f"security-connector devops azuredevopsorg project list {ORGANISATION}",
    f"security-connector devops azuredevopsorg project create {PROJECT}",
    f"security-connector devops azuredevopsorg project show {PROJECT}",
    f"security-connector devops azuredevopsorg project update {PROJECT}",
    f"security-connector devops azuredevopsorg project wait {PROJECT} {WAIT}",
    f"security-connector devops azuredevopsorg project repo list {PROJECT}",
    f"security-connector devops azuredevopsorg project repo create {REPOSITORY}",
    f"security-connector devops azuredevopsorg project repo show {REPOSITORY}",
    f"security-connector devops azuredevopsorg project repo update {REPOSITORY}",
    f"security-connector devops azuredevopsorg project repo wait {REPOSITORY} {WAIT}",
    f"security-connector devops githubowner list {DEVOPS}",
    f"security-connector devops githubowner show {OWNER}",
    f"security-connector devops githubowner repo list {OWNER}",
    f"security-connector devops githubowner repo show {OWNER} --repo-name r",
    f"security-connector devops gitlabgroup list {DEVOPS}",
    f"security-connector devops gitlabgroup show {GITLAB}",
    f"security-connector devops gitlabgroup list-subgroups {GITLAB}",
    f"security-connector devops gitlabgroup project list {GITLAB}",
    f"security-connector devops gitlabgroup project show {GITLAB} --project-name p",
    "security-solutions list",
    "security-solutions-reference-data list",
    "topology list",
    "topology show -g g -n t",
    f"va sql create {DATABASE} --state Enabled",
    f"va sql show {DATABASE}",
    f"va sql update {DATABASE} --state Disabled",
    f"va sql delete {DATABASE} -y",
    f"va sql baseline add {DATABASE} --latest-scan true",
    f"va sql baseline create {DATABASE} --rule-id VA1 --latest-scan true",
    f"va sql baseline set {DATABASE} --latest-scan true",
    f"va sql baseline list {DATABASE}",
    f"va sql baseline show {DATABASE} --rule-id VA1",
    f"va sql baseline delete {DATABASE} --rule-id VA1 -y",
    f"va sql results list {DATABASE} --scan-id latest",
    f"va sql results show {DATABASE} --scan-id latest --rule-id VA1",
    f"va sql scans initiate-scan {DATABASE}",
    f"va sql scans list {DATABASE}",
    f"va sql scans show {DATABASE} --scan-id latest",
    f"va sql scans scan-operation-result show {DATABASE} --operation-id 1",
]

# Commands that make a part of an automation and print it.
PARTS = [
    "automation-scope create --description d --scope-path /subscriptions/{subscription}",
    "automation-rule create --expected-value High --operator Equals --property-j-path Severity --property-type string",
    "automation-rule-set create",
    "automation-source create --event-source Assessments",
    "automation-action-logic-app create --logic-app-resource-id /l --uri https://house.example",
    "automation-action-event-hub create --event-hub-resource-id /e --connection-string c",
    "automation-action-workspace create --workspace-resource-id /w",
]

# What each subscription is asked, in order.
# Sample alerts, since `az` has no command that makes any, and what is done with one; rules that suppress alerts.
SAMPLES = (
    "rest --method post --url '/subscriptions/{subscription}/providers/Microsoft.Security/locations/local/alerts/default/simulate?api-version=2022-01-01'"
    " --body '{\"properties\": {\"kind\": \"Bundles\", \"bundles\": [\"KeyVaults\"]}}'"
)
ALERT = "-l local -n {alert}"
RULE = "--rule-name quiet"
SHOWN_RULE = f"security alerts-suppression-rule show {RULE} --query "
ALERTS = [
    done(SAMPLES, "security alert list --query 'length(@)'", 3),
    Step("security alert list", learns=r'"name": "(?P<alert>\d+_[^"]+)"'),
    Step(f"security alert show {ALERT}"),
    done(f"security alert update {ALERT} --status Dismiss", f"security alert show {ALERT} --query status", "Dismissed"),
    done(f"security alert update {ALERT} --status Activate", f"security alert show {ALERT} --query status", "Active"),
    done(f"security alerts-suppression-rule update {RULE} --alert-type KV_Test --reason Other --state Enabled",
         SHOWN_RULE + "[alertType,reason,state]", ["KV_Test", "Other", "Enabled"]),
    Step(f"security alerts-suppression-rule show {RULE}"),
    Step("security alerts-suppression-rule list"),
    done(f"security alerts-suppression-rule upsert_scope {RULE} --field entities.host.name --contains-substring m",
         SHOWN_RULE + "'suppressionAlertsScope.allOf[].[field,contains]'", [["entities.host.name", "m"]]),
    done(f"security alerts-suppression-rule delete_scope {RULE} --field entities.host.name",
         SHOWN_RULE + "'suppressionAlertsScope.allOf'", None),
    done(f"security alerts-suppression-rule delete {RULE}", "security alerts-suppression-rule list", []),
]

EACH = GROUND + SECURITY + ALERTS + CONNECTORS

# What is asked once.
ONCE = [
    *(Step(f"security {command}", MISSING) for command in NOT_BUILT),
    Step(f"security security-connector devops delete {DEVOPS} -y --debug", HIDDEN),
    *(Step(f"security {command}", LOCAL) for command in PARTS),
    *CONNECTING,
]
