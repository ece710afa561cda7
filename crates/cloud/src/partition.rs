//! AWS's partitions: separate clouds with their own names, hosts and accounts.

/// A partition of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// The second part of its ARNs: `aws`.
    pub name: &'static str,
    /// What its host names end with: `amazonaws.com`.
    pub dns_suffix: &'static str,
    /// The region that its global services are signed for.
    pub home_region: &'static str,
    /// What the names of its regions begin with; empty for the commercial partition, which has many.
    region_prefix: &'static str,
    /// Hosts of global services that do not follow the commercial partition's pattern: endpoint prefix, host.
    hosts: &'static [(&'static str, &'static str)],
}

/// The partition without region prefix comes last: it takes every region that no other one claims.
const PARTITIONS: [Partition; 3] = [
    Partition {
        name: "aws-cn",
        dns_suffix: "amazonaws.com.cn",
        home_region: "cn-north-1",
        region_prefix: "cn-",
        hosts: &[("iam", "iam.cn-north-1.amazonaws.com.cn"), ("organizations", "organizations.cn-northwest-1.amazonaws.com.cn")],
    },
    Partition {
        name: "aws-us-gov",
        dns_suffix: "amazonaws.com",
        home_region: "us-gov-west-1",
        region_prefix: "us-gov-",
        hosts: &[("iam", "iam.us-gov.amazonaws.com"), ("organizations", "organizations.us-gov-west-1.amazonaws.com")],
    },
    COMMERCIAL,
];

const COMMERCIAL: Partition =
    Partition { name: "aws", dns_suffix: "amazonaws.com", home_region: "us-east-1", region_prefix: "", hosts: &[] };

impl Partition {
    /// The host of a global service where it has one of its own in this partition.
    pub fn host_of(&self, endpoint_prefix: &str) -> Option<&'static str> {
        self.hosts.iter().find(|(prefix, _)| *prefix == endpoint_prefix).map(|(_, host)| *host)
    }
}

/// The partition that a region lies in.
pub fn partition_of_region(region: &str) -> Partition {
    PARTITIONS.into_iter().find(|partition| region.starts_with(partition.region_prefix)).unwrap_or(COMMERCIAL)
}

/// The partition with a name, as in the second part of an ARN.
pub fn partition_by_name(name: &str) -> Option<Partition> {
    PARTITIONS.into_iter().find(|partition| partition.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_tells_its_partition() {
        for (region, name) in [("eu-west-1", "aws"), ("cn-northwest-1", "aws-cn"), ("us-gov-east-1", "aws-us-gov"), ("", "aws")] {
            assert_eq!(partition_of_region(region).name, name, "{region}");
        }
        assert_eq!(partition_by_name("aws-cn").map(|partition| partition.dns_suffix), Some("amazonaws.com.cn"));
        assert_eq!(partition_by_name("moon"), None);
    }

    #[test]
    fn iam_has_its_own_host_outside_the_commercial_partition() {
        assert_eq!(partition_of_region("us-gov-west-1").host_of("iam"), Some("iam.us-gov.amazonaws.com"));
        assert_eq!(partition_of_region("us-east-1").host_of("iam"), None);
    }
}
