"""What the process with the case looks after every second, with workers or without: signals, and how it does."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentinel.errors import SentinelError
from sentinel.sensor.config import Config
from sentinel.sensor.health import Event, Health, Moment

if TYPE_CHECKING:
    from sentinel.rules.load import RuleSet
    from sentinel.sensor.analysis import LiveAnalysis

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Orders:
    """What signals ask for; the loop looks at it several times a second."""

    stop: bool = False
    reload: bool = False
    report: bool = False


class Upkeep:
    """Configuration that is read again, and health that is told. Whoever inherits sets the attributes."""

    config: Config
    orders: Orders
    _analysis: LiveAnalysis
    _health: Health
    _again: Callable[[], tuple[Config, RuleSet]]
    """Reads configuration and rules once more, raising as at start."""

    AT_START: tuple[str, ...] = ("capture", "life", "sinks")
    """Parts of the configuration that count from the next start on only."""
    AT_START_SAID = "ports, filter, user and receivers are taken over at the next start"

    def _reload_if_asked(self) -> None:
        """Read configuration and rules again where a signal asked for it."""
        if self.orders.reload:
            self.orders.reload = False
            threading.Thread(target=self._reload, name="reload", daemon=True).start()

    def _reload(self) -> None:
        """Beside the capture, in a thread of its own; what is wrong is said, and the old ones stay."""
        try:
            config, ruleset = self._again()
        except SentinelError as error:
            _log.error("%s", error)
            return
        if any(getattr(config, name) != getattr(self.config, name) for name in self.AT_START):
            _log.warning(self.AT_START_SAID)
        for name in self.AT_START:
            setattr(config, name, getattr(self.config, name))
        self.config = config
        self._analysis.timing = config.store
        self._health.limits = config.health
        if self._analysis.thinning is not None:
            self._analysis.call(self._analysis.thinning.configure, config.disk)
        self._analysis.call(self._analysis.reload, ruleset)
        _log.warning("configuration and rules were read again: %d rules", len(ruleset.rules))

    def _judge(self, moment: Moment, one_sided: Event | None) -> None:
        """Judge the moment; print the status where a signal asked for it, and let the alerts of health be claimed."""
        claims = self._health.look(moment, one_sided)
        if self.orders.report:
            self.orders.report = False
            sys.stderr.write(json.dumps(self._health.status, ensure_ascii=False) + "\n")
            sys.stderr.flush()
        if claims is not None:
            self._analysis.call(self._analysis.claim, claims)
