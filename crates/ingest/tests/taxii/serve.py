"""A TAXII 2.1 server (medallion) with one empty collection, on a port of its own, until its standard input ends."""

import os
import sys
import threading

from medallion import application_instance, register_blueprints, set_config
from werkzeug.serving import make_server

COLLECTION = "5f0c7a3e-1d42-4b7e-9f57-2c8d6a1b9e40"
ACCEPTS = "application/taxii+json;version=2.1"
STIX = "application/stix+json;version=2.1"


def main():
    config = {
        "users": {"reader": "right"},
        # Pages so small that everything needs several.
        "taxii": {"max_page_size": 3},
        "backend": {"module": "medallion.backends.memory_backend", "module_class": "MemoryBackend"},
    }
    for part in config:
        set_config(application_instance, part, config)
    application_instance.medallion_backend.data = {
        "/discovery": {"title": "Harbour", "default": "http://127.0.0.1/feed/", "api_roots": ["http://127.0.0.1/feed/"]},
        "feed": {
            "information": {"title": "Feed", "versions": [ACCEPTS], "max_content_length": 1 << 20},
            "status": [],
            "collections": [
                {
                    "id": COLLECTION,
                    "title": "Indicators",
                    "can_read": True,
                    "can_write": True,
                    "media_types": [STIX],
                    "objects": [],
                    "manifest": [],
                }
            ],
        },
    }
    register_blueprints(application_instance)
    server = make_server("127.0.0.1", 0, application_instance, threaded=True)
    print(server.server_port, flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    server.serve_forever()


main()
