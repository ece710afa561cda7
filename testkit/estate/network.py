"""Virtual networks: subnets, gateways, routes, packet filters and security groups."""
from context import HOME, SECOND, specification, tags

WORLD = "0.0.0.0/0"
OFFICE = "203.0.113.0/28"


def make(estate):
    """Makes the networks of both regions."""
    estate.days_ago(880)
    shop(estate)
    corp(estate)
    analytics(estate)
    # Only now: the emulator takes the first subnet of a zone for a default one.
    for region in (HOME, SECOND):
        drop_default_network(estate.client("ec2", region))


def drop_default_network(ec2):
    """Removes the network that every region starts with, as a tidy administrator does."""
    for vpc in ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]:
        own = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
        for subnet in ec2.describe_subnets(Filters=own)["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        attached = [{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}]
        for gateway in ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]:
            ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc["VpcId"])
            ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])
        ec2.delete_vpc(VpcId=vpc["VpcId"])


class Network:
    """One VPC with its public routes."""

    def __init__(self, estate, region, name, cidr, team, environment):
        self.estate, self.name, self.team, self.environment = estate, name, team, environment
        self.ec2 = estate.client("ec2", region)
        self.region = region
        made = self.ec2.create_vpc(CidrBlock=cidr, TagSpecifications=self.tagged("vpc", name))
        self.id = estate.remember(f"vpc {name}", made["Vpc"]["VpcId"])
        made = self.ec2.create_internet_gateway(TagSpecifications=self.tagged("internet-gateway", f"{name}-igw"))
        self.gateway = made["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.id)
        self.public = self.routes("public", GatewayId=self.gateway)

    def tagged(self, kind, name):
        return specification(kind, tags(name, self.team, self.environment))

    def routes(self, name, **target):
        made = self.ec2.create_route_table(VpcId=self.id, TagSpecifications=self.tagged("route-table", f"{self.name}-{name}"))
        table = made["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock=WORLD, **target)
        return table

    def subnet(self, name, cidr, zone, table=None, auto_address=False):
        made = self.ec2.create_subnet(
            VpcId=self.id,
            CidrBlock=cidr,
            AvailabilityZone=self.region + zone,
            TagSpecifications=self.tagged("subnet", f"{self.name}-{name}"),
        )
        subnet = self.estate.remember(f"subnet {self.name}-{name}", made["Subnet"]["SubnetId"])
        if table:
            self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        if auto_address:
            self.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
        return subnet

    def group(self, name, description, *rules):
        """A security group; a rule is a protocol, a range of ports and a source: an address range or a group's name."""
        made = self.ec2.create_security_group(
            GroupName=name, Description=description, VpcId=self.id, TagSpecifications=self.tagged("security-group", name)
        )
        group = self.estate.remember(f"group {name}", made["GroupId"])
        for protocol, first, last, source, why in rules:
            rule = {"IpProtocol": protocol, "FromPort": first, "ToPort": last}
            if protocol == "-1":
                rule = {"IpProtocol": protocol}
            if source[0].isdigit():
                rule["IpRanges"] = [{"CidrIp": source, "Description": why}]
            elif ":" in source:
                rule["Ipv6Ranges"] = [{"CidrIpv6": source, "Description": why}]
            else:
                rule["UserIdGroupPairs"] = [{"GroupId": self.estate[f"group {source}"], "Description": why}]
            self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        return group

    def empty_default_group(self):
        own = [{"Name": "vpc-id", "Values": [self.id]}, {"Name": "group-name", "Values": ["default"]}]
        group = self.ec2.describe_security_groups(Filters=own)["SecurityGroups"][0]
        if group["IpPermissions"]:
            self.ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=group["IpPermissions"])
        self.ec2.revoke_security_group_egress(GroupId=group["GroupId"], IpPermissions=group["IpPermissionsEgress"])

    def acl(self, name, subnets, *rules):
        """A packet filter; a rule is a protocol number, a range of ports and a source. Everything may go out."""
        made = self.ec2.create_network_acl(VpcId=self.id, TagSpecifications=self.tagged("network-acl", f"{self.name}-{name}"))
        acl = made["NetworkAcl"]["NetworkAclId"]
        for number, (protocol, first, last, source) in enumerate(rules, 1):
            ports = {"PortRange": {"From": first, "To": last}} if first else {}
            self.ec2.create_network_acl_entry(
                NetworkAclId=acl, RuleNumber=number * 100, Protocol=protocol, RuleAction="allow", Egress=False, CidrBlock=source, **ports
            )
        self.ec2.create_network_acl_entry(
            NetworkAclId=acl, RuleNumber=100, Protocol="-1", RuleAction="allow", Egress=True, CidrBlock=WORLD
        )
        of_subnets = [{"Name": "association.subnet-id", "Values": subnets}]
        for old in self.ec2.describe_network_acls(Filters=of_subnets)["NetworkAcls"]:
            for association in old["Associations"]:
                if association["SubnetId"] in subnets:
                    self.ec2.replace_network_acl_association(
                        AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
                    )


def shop(estate):
    """The network of the web shop: three tiers in two zones."""
    net = Network(estate, HOME, "shop", "10.20.0.0/16", "storefront", "prod")
    first = net.subnet("public-a", "10.20.0.0/24", "a", net.public)
    second = net.subnet("public-b", "10.20.1.0/24", "b", net.public)
    address = net.ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = net.ec2.create_nat_gateway(SubnetId=first, AllocationId=address)["NatGateway"]["NatGatewayId"]
    private = net.routes("private", NatGatewayId=nat)
    apps = [net.subnet(f"app-{zone}", f"10.20.{10 + n}.0/24", zone, private) for n, zone in enumerate("ab")]
    datas = [net.subnet(f"data-{zone}", f"10.20.{20 + n}.0/24", zone, private) for n, zone in enumerate("ab")]
    net.acl("app", apps, ("6", 8080, 8080, "10.20.0.0/16"), ("6", 32768, 65535, WORLD))
    net.acl("data", datas, ("6", 5432, 5432, "10.20.0.0/16"))
    net.acl("edge", [first, second], ("6", 80, 80, WORLD), ("6", 443, 443, WORLD), ("6", 32768, 65535, WORLD))
    net.empty_default_group()
    net.group("shop-alb", "Load balancer of the shop", ("tcp", 80, 80, WORLD, "redirects"), ("tcp", 443, 443, WORLD, "shop"))
    net.group("shop-web", "Web servers of the shop", ("tcp", 8080, 8080, "shop-alb", "from the balancer"))
    net.group("shop-worker", "Order workers")
    net.group(
        "shop-db", "Databases of the shop", ("tcp", 5432, 5432, "shop-web", "web"), ("tcp", 5432, 5432, "shop-worker", "worker")
    )
    net.group("shop-functions", "Functions inside the network")


def corp(estate):
    """The network of the office: a bastion that anyone may try, and old servers behind it."""
    net = Network(estate, HOME, "corp", "10.30.0.0/16", "it", "corp")
    net.subnet("public-a", "10.30.0.0/24", "a", net.public, auto_address=True)
    net.subnet("office-a", "10.30.10.0/24", "a")
    net.subnet("office-b", "10.30.11.0/24", "b")
    net.group("corp-bastion", "Way in for administrators", ("tcp", 22, 22, WORLD, "TODO: office only"))
    net.group("corp-office", "Servers of the office", ("tcp", 22, 22, "corp-bastion", "ssh"), ("tcp", 3389, 3389, OFFICE, "rdp"))
    net.group("corp-intranet", "Intranet", ("tcp", 80, 80, OFFICE, "office"), ("tcp", 443, 443, OFFICE, "office"))
    net.group("corp-terminal", "Terminal server, from before the VPN", ("tcp", 3389, 3389, WORLD, "home office"))
    net.group("corp-erp-db", "Database of the ERP", ("tcp", 3306, 3306, "corp-office", "erp"))


def analytics(estate):
    """The network of the data team in the second region."""
    net = Network(estate, SECOND, "analytics", "10.40.0.0/16", "data", "prod")
    net.subnet("public-a", "10.40.0.0/24", "a", net.public, auto_address=True)
    net.subnet("public-b", "10.40.1.0/24", "b", net.public, auto_address=True)
    inner = [net.subnet(f"jobs-{zone}", f"10.40.{10 + n}.0/24", zone) for n, zone in enumerate("ab")]
    net.acl("jobs", inner, ("-1", None, None, "10.40.0.0/16"), ("6", 32768, 65535, WORLD))
    net.empty_default_group()
    net.group(
        "notebooks", "Notebooks of the data team", ("tcp", 8888, 8888, WORLD, "notebook"), ("tcp", 22, 22, WORLD, "while travelling")
    )
    net.group("jobs", "Nightly jobs", ("tcp", 443, 443, "10.40.0.0/16", "inner calls"))
    net.group("reports-db", "Database of the reports", ("tcp", 5432, 5432, WORLD, "dashboard vendor"))
    net.group("reports-balancer", "Report server", ("tcp", 443, 443, WORLD, "reports"))


def log_traffic(estate):
    """Flow logs of the two networks that somebody looks after; needs buckets."""
    for name, region, bucket in [("shop", HOME, "fernhollow-access-logs"), ("analytics", SECOND, "fernhollow-logs-us")]:
        estate.days_ago(470)
        estate.client("ec2", region).create_flow_logs(
            ResourceIds=[estate[f"vpc {name}"]],
            ResourceType="VPC",
            TrafficType="ALL",
            LogDestinationType="s3",
            LogDestination=f"arn:aws:s3:::{bucket}",
        )
