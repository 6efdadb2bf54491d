"""A small sound site of two instances in a temporary folder, to be broken in one place by each test."""

from pathlib import Path

from ess_actors.config.site import Site, load_site
from ess_actors.core.findings import Finding

SITE = """{
  "name": "pair",
  "instances": [
    {"start": "ess_1.json", "documents": "ess_1",
     "modbus_clients": ["modbus_client/bms_1.json"],
     "modbus_servers": ["modbus_server/site.json"]},
    {"start": "ess_2.json", "documents": "ess_2",
     "modbus_clients": ["modbus_client/bms_2.json"]}
  ],
  "live": [{"label": "SOC", "uri": "/ess_1/status/bms_1/SOC", "unit": "%"}],
  "sim": {
    "bms_1": {"model": "battery", "points": {
      "soc": "ess_1/bms_info/soc"}}
  },
  "api": {"host": "127.0.0.1", "port": 8300},
  "access": {"loopback": "engineer"}
}
"""

START = """{
  "/sysconfig/default": {
    "Subs": ":/components/ess_N:/site/ess_N:/shared/ess_N",
    "Config": "ess_N_init",
    "EssName": "ess_N"
  },
  "/blockeduris/pub": {
    "/components/ess_N/noise": true
  }
}
"""

DOCUMENT = """{
  "/status/bms_N": {
    "SOC": {"value": 0}
  },
  "/site/ess_N/ess_ls": {
    "soc": {"value": 0}
  }
}
"""

CLIENT = """{
  "connection": {"name": "bms_N", "ip_address": "10.0.0.N", "port": 502},
  "components": [
    {"id": "ess_N/bms_info", "device_id": 1, "registers": [
      {"type": "Holding", "starting_offset": 0, "number_of_registers": 1, "map": [
        {"id": "soc", "offset": 0}]}]}
  ]
}
"""

SERVER = """{
  "system": {"id": "/site_controller", "ip_address": "127.0.0.1", "port": 1502},
  "registers": {
    "input_registers": [
      {"id": "soc", "offset": 2000, "uri": "/site/ess_1/ess_ls"}
    ],
    "holding_registers": [
      {"id": "clear_faults", "offset": 1001, "uri": "/site/ess_1/ess_hs"}
    ]
  }
}
"""


class SiteOnDisk:
    """The files of a site in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("site.json", SITE)
        for number in "12":
            self.write(f"ess_{number}.json", START.replace("ess_N", f"ess_{number}"))
            self.write(f"ess_{number}/ess_{number}_init.json", DOCUMENT.replace("_N", f"_{number}"))
            client = CLIENT.replace("_N", f"_{number}").replace("0.N", f"0.{number}")
            self.write(f"modbus_client/bms_{number}.json", client)
        self.write("modbus_server/site.json", SERVER)

    def write(self, name: str, text: str) -> None:
        """Create or replace a file."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that stands in the file exactly once."""
        text = (self.folder / name).read_text()
        assert text.count(old) == 1, (name, old)
        self.write(name, text.replace(old, new))

    def load(self) -> tuple[Site | None, list[Finding]]:
        """The site and its findings, file names relative to the folder as in `where`."""
        return load_site(self.folder)

    def line(self, name: str, text: str) -> int:
        """The line, from 1, on which a text stands that occurs once in the file."""
        lines = (self.folder / name).read_text().splitlines()
        found = [number for number, line in enumerate(lines, 1) if text in line]
        assert len(found) == 1, (name, text, found)
        return found[0]

    def where(self, finding: Finding) -> tuple[str, int]:
        """(file name in the site's folder, line) of a finding."""
        return str(Path(finding.file).relative_to(self.folder)), finding.line
