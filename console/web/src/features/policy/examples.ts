export interface Example {
  title: string;
  definition: string;
  parameters: string;
  resource: string;
}

/** Small ones of each kind of resource that can be tried. */
export const EXAMPLES: readonly Example[] = [
  {
    title: "Kubernetes: images are pinned",
    definition: `properties:
  displayName: Images are pinned
  parameters:
    effect:
      type: String
      defaultValue: deny
      allowedValues: [audit, deny, disabled]
  policyRule:
    if:
      allOf:
        - { field: type, equals: v1/Pod }
        - count:
            field: properties.spec.containers[*]
            where:
              field: properties.spec.containers[*].image
              like: "*:latest"
          greater: 0
    then: { effect: "[parameters('effect')]" }
`,
    parameters: "",
    resource: `apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop }
spec:
  containers:
    - { name: web, image: "nginx:latest" }
    - { name: log, image: "fluent-bit:3.1.4" }
`,
  },
  {
    title: "Azure: resources get an owner tag",
    definition: `{
  "properties": {
    "displayName": "Resources have an owner",
    "mode": "Indexed",
    "parameters": {
      "owner": { "type": "String", "defaultValue": "nobody" }
    },
    "policyRule": {
      "if": { "field": "tags['owner']", "exists": false },
      "then": {
        "effect": "modify",
        "details": {
          "roleDefinitionIds": ["/providers/Microsoft.Authorization/roleDefinitions/4a9ae827-6dc8-4573-8ac7-8239d42aa03f"],
          "operations": [
            { "operation": "addOrReplace", "field": "tags['owner']", "value": "[parameters('owner')]" }
          ]
        }
      }
    }
  }
}
`,
    parameters: `{ "owner": "team-storage" }`,
    resource: `{
  "type": "Microsoft.Storage/storageAccounts",
  "name": "invoices",
  "location": "westeurope",
  "tags": { "env": "prod" },
  "properties": { "supportsHttpsTrafficOnly": true }
}
`,
  },
  {
    title: "Terraform: buckets are private",
    definition: `properties:
  displayName: Buckets are private
  policyRule:
    if:
      allOf:
        - { field: type, equals: aws_s3_bucket_acl }
        - { field: properties.acl, in: [public-read, public-read-write] }
    then: { effect: deny }
`,
    parameters: "",
    resource: `{
  "format_version": "1.2",
  "resource_changes": [
    {
      "address": "aws_s3_bucket_acl.site",
      "type": "aws_s3_bucket_acl",
      "change": { "actions": ["create"], "after": { "acl": "public-read" }, "after_unknown": { "bucket": true } }
    },
    {
      "address": "aws_s3_bucket_acl.logs",
      "type": "aws_s3_bucket_acl",
      "change": { "actions": ["create"], "after": { }, "after_unknown": { "acl": true } }
    }
  ]
}
`,
  },
];
