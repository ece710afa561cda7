"""An emulator on a port of 127.0.0.1 that the system chooses: `serve.py aws` (moto) or `serve.py pubsub` (cloudbox).

Prints the port, and ends when its standard input does: it does not outlive the test.
"""

import __future__
import importlib.machinery
import os
import socket
import sys
import threading


def end_with_the_test():
    sys.stdin.buffer.read()
    os._exit(0)


def aws():
    import logging

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


def annotations_are_not_run(loader, data, path, _optimization=-1):
    flags = __future__.annotations.compiler_flag if "cloudbox" in str(path) else 0
    return compile(data, path, "exec", flags=flags, dont_inherit=True, optimize=_optimization)


def pubsub():
    if sys.version_info < (3, 14):
        # cloudbox is written for 3.14, which runs no annotation that nobody asks for; its files are compiled so here too.
        importlib.machinery.SourceFileLoader.source_to_code = annotations_are_not_run
        sys.dont_write_bytecode, sys.pycache_prefix = True, "/nowhere"
    import uvicorn
    from cloudbox.services.pubsub.app import app

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])


threading.Thread(target=end_with_the_test, daemon=True).start()
{"aws": aws, "pubsub": pubsub}[sys.argv[1]]()
