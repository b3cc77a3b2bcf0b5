"""Posters that get races with software wrong: model/cycle/poster.py, each changed in one place."""

from model.cycle.poster import ON, Posted, Poster

__all__ = ["ALL"]


class LosesRaces(Poster):
    """Believes that every answer to a write is a success."""

    def _conclude(self, response):
        super()._conclude(1)


class KeepsOldDescriptor(Poster):
    """Writes again what it has read first."""

    def _collect(self, returned, write_ready):
        first = self._descriptor if self.lost else None
        super()._collect(returned, write_ready)
        if first is not None and returned.last:
            self._descriptor, self._destination, self._vector = self.kept
        elif returned.last:
            self.kept = self._descriptor, self._destination, self._vector


class NotifiesOldPlace(Poster):
    """Sends the notification to where the first read said."""

    def _collect(self, returned, write_ready):
        place = (self._destination, self._vector) if self.lost else None
        super()._collect(returned, write_ready)
        if place is not None:
            self._destination, self._vector = place


class SetsOnAlways(Poster):
    """Sets ON, and notifies, though SN is set."""

    def _update(self, descriptor):
        return descriptor | 1 << self._job.vector | 1 << 256, int(not descriptor >> 256 & 1)


class NeverNotifies(Poster):
    """Sets ON and tells nobody."""

    def _finish(self, posted):
        super()._finish(posted._replace(notify=0))


class ForgetsOn(Poster):
    """Notifies without setting ON."""

    def _update(self, descriptor):
        updated, notify = super()._update(descriptor)
        return updated & ~(1 << 256) | descriptor & 1 << 256, notify


class NotifiesEarly(Poster):
    """Says that somebody is to be notified when it begins to write, and goes on writing."""

    early = 1  # `notify` of what it says early

    def _collect(self, returned, write_ready):
        super()._collect(returned, write_ready)
        if returned.last and self.posted is None and not self.lost and self._notify == self.early:
            self.posted = Posted(0, self._notify, self._destination, self._vector)

    def _finish(self, posted):
        super()._finish(posted)
        if not posted.fault_reason and posted.notify == self.early:
            self.posted = None


class AnswersEarly(NotifiesEarly):
    """The same where nobody is to be notified: the device is answered."""

    early = 0


class IgnoresUrgent(Poster):
    """Suppresses notifications of urgent interrupts too."""

    def _begin(self):
        self._job = self._job._replace(urgent=0)
        super()._begin()


class ForgetsBit(Poster):
    """Does not set the bit of PIR when it tries again."""

    def _update(self, descriptor):
        updated, notify = super()._update(descriptor)
        return (descriptor | updated & ON.mask if self.lost else updated), notify


ALL = (
    LosesRaces,
    KeepsOldDescriptor,
    NotifiesOldPlace,
    SetsOnAlways,
    NeverNotifies,
    ForgetsOn,
    NotifiesEarly,
    AnswersEarly,
    IgnoresUrgent,
    ForgetsBit,
)
