"""What the modules of the estate share: clients, tags and the clock."""
import datetime
import json
import os
import pathlib
import urllib.request

import boto3
from botocore.config import Config

ACCOUNT = "123456789012"
HOME = "eu-central-1"
SECOND = "us-east-1"
# Accounts of others, numbers that AWS uses in its own documentation.
PARTNER = "111122223333"
AUDITOR = "444455556666"
# The day on which the estate is looked at. Every time in it counts back from here.
TODAY = datetime.datetime(2026, 11, 20, 9, 0, tzinfo=datetime.timezone.utc)
# AWS wants passwords in some calls. They never come back in an answer.
PLACEHOLDER = "not-a-secret-0A"


class Estate:
    """Connections to the emulator, and the ids of what has been made so far."""

    def __init__(self, endpoint, clock):
        self.endpoint = endpoint
        self.clock = pathlib.Path(clock)
        self.clients = {}
        self.ids = {}
        self.minute = 0
        self.days_ago(900)
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/seed?a=20261120", method="POST")).close()

    def client(self, service, region=HOME):
        """A client of a service in a region."""
        if (service, region) not in self.clients:
            # The account's number goes before the host's name, which the lab has put into /etc/hosts.
            endpoint = self.endpoint.replace("127.0.0.1", "localhost") if service == "s3control" else self.endpoint
            self.clients[service, region] = boto3.client(
                service,
                region_name=region,
                endpoint_url=endpoint,
                aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
                config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
            )
        return self.clients[service, region]

    def days_ago(self, days):
        """Sets the clock; every change is some minutes later in its day than the last."""
        self.minute = (self.minute + 7) % 480
        time = TODAY - datetime.timedelta(days=days) + datetime.timedelta(minutes=self.minute if days else 0)
        self.clock.write_text(str(int(time.timestamp())))

    def remember(self, name, identity):
        """Keeps an id under a name for the modules that come later."""
        self.ids[name] = identity
        return identity

    def __getitem__(self, name):
        return self.ids[name]


def tags(name=None, team=None, environment=None, data=None, owner=None):
    """Tags as most services want them; those without a value are left out."""
    pairs = {"Name": name, "team": team, "environment": environment, "data-classification": data, "owner": owner}
    return [{"Key": key, "Value": value} for key, value in pairs.items() if value]


def tag_map(**named):
    """Tags as a map, for Lambda."""
    return {tag["Key"]: tag["Value"] for tag in tags(**named)}


def specification(kind, listed):
    """Tags of something that an EC2 call makes."""
    return [{"ResourceType": kind, "Tags": listed}] if listed else []


def statement(effect, action, resource=None, **more):
    """One statement of a policy."""
    made = {"Effect": effect, **more, "Action": action}
    if resource is not None:
        made["Resource"] = resource
    return made


def policy(*statements):
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
