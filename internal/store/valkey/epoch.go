package valkey

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/valkey-io/valkey-go"
)

// clusterGroups is the number of groups that the records of a cluster are in.
// The keys of a group are on one node, its marker among them.
const clusterGroups = 64

const (
	// maxDrift is how far the clock of a node may be from the server's.
	maxDrift = 30 * time.Second
	// drift is how far the clocks of two nodes may differ, and so how much longer
	// what is kept lives than by the clock of the node that enters it.
	drift = 2 * maxDrift
)

// An epoch is what is known of the server's memory.
type epoch struct {
	since   time.Time // from when on its records are complete
	markers []string  // of each group
}

// ErrBegunAnew is the error of a call during which the server turned out to have
// lost records.
var ErrBegunAnew error = errOwn{errors.New("the store has lost records and begun anew; what is older is refused")}

// CompleteSince returns since when the server's records are complete; zero before
// it has been asked for the first time.
func (s *Server) CompleteSince() time.Time {
	if e := s.epoch.Load(); e != nil {
		return e.since
	}
	return time.Time{}
}

// key returns the beginning of keys of a kind and group.
func (s *Server) key(kind byte, group int) string {
	if s.groups == 1 {
		return "{" + s.cfg.Prefix + ":" + string(kind) + "}"
	}
	return "{" + s.cfg.Prefix + ":" + string(kind) + strconv.Itoa(group) + "}"
}

// markerKey returns the key of the marker of a group.
func (s *Server) markerKey(group int) string { return s.key('r', group) + "marker" }

// sameEpoch is called after a record was entered, with the marker as it was found
// behind it, and the server's history, "" if that was not read. It returns an error
// unless what was entered before is still there.
func (s *Server) sameEpoch(ctx context.Context, c valkey.Client, group int, marker, history string) error {
	e, same := s.epoch.Load(), ofHistory(marker, history)
	if e != nil && e.markers[group] == marker && same && s.dialled.Load() == s.verified.Load() {
		return nil
	}
	if err := s.verify(ctx, c); err != nil {
		return fmt.Errorf("whether the store has lost records is not known: %w", err)
	}
	if now := s.epoch.Load(); e == nil || !same || now.since.After(e.since) || now.markers[group] != marker {
		return ErrBegunAnew
	}
	return nil
}

// ofHistory reports whether a marker is of a history of replication, or that is "".
func ofHistory(marker, history string) bool {
	_, of, _ := strings.Cut(marker, " ")
	return history == "" || strings.HasPrefix(of, history+" ")
}

// markScript checks the marker of a group. It is the current one if the server
// has the replication history that the marker names. It stays good if the server
// was promoted: it was a replica of that history, and has been running since before
// all replicas had the last record, so that it has every one. Its uptime is up to a
// second too long. Else records may be lost, and a new one begins now. Arguments:
// our time in microseconds, for how long all replicas have had the last record, 1
// for waits, random octets, and how far our time may be from the server's: with a
// clock that is off nothing begins and there is no marker, since others would refuse
// all that is made before its time. The last result is the policy of a server that
// evicts what is live.
var markScript = newScript(`
local info = redis.call('INFO', 'replication') .. redis.call('INFO', 'server')
local memory = redis.call('INFO', 'memory')
local evicts = string.match(memory, 'maxmemory_policy:(%S+)') or ''
if evicts == 'noeviction' or string.match(memory, 'maxmemory:0%s') then evicts = '' end
local id = string.match(info, 'master_replid:(%x+)') or ''
local before = string.match(info, 'master_replid2:(%x+)') or ''
local uptime = tonumber(string.match(info, 'uptime_in_seconds:(%d+)') or '0')
local t = redis.call('TIME')
local clock = tonumber(t[1]) * 1000000 + tonumber(t[2])
if math.abs(tonumber(ARGV[1]) - clock) > tonumber(ARGV[5]) then
	return {'', '0', '', string.format('%.0f', clock), ''}
end
local marker = redis.call('GET', KEYS[1])
local since, of
if marker then since, of = string.match(marker, '^(%d+) (%x+) ') end
local why = ''
if of ~= id or not since then
	if not since then
		why = 'empty'
	elseif of == before and ARGV[3] == '1' and (uptime - 1) * 1000000 > tonumber(ARGV[2]) then
		why = 'promoted'
	else
		why = 'restarted'
	end
	if why ~= 'promoted' then since = string.format('%.0f', math.max(clock, tonumber(ARGV[1]))) end
	marker = since .. ' ' .. id .. ' ' .. ARGV[4]
	redis.call('SET', KEYS[1], marker)
end
return {marker, since, why, string.format('%.0f', clock), evicts}
`)

// verify checks the clock and the markers of all groups, over the connections that
// there are now.
func (s *Server) verify(ctx context.Context, c valkey.Client) error {
	s.checking.Lock()
	defer s.checking.Unlock()
	dialled := s.dialled.Load()
	next, known := &epoch{markers: make([]string, s.groups)}, s.epoch.Load()
	var lost string
	for group := range s.groups {
		m, err := s.mark(ctx, c, group)
		if err != nil {
			return err
		}
		if d := time.Duration(s.now()-m.clock) * time.Microsecond; d.Abs() > maxDrift || m.text == "" {
			return errOwn{fmt.Errorf("this machine's clock differs by %v from the store's; %v are allowed: set the clocks",
				d.Round(time.Second), maxDrift)}
		}
		if m.evicts != "" {
			return errOwn{fmt.Errorf("the server removes records to make room (maxmemory-policy %s), so that what was "+
				"accepted would be accepted again: set it to noeviction", m.evicts)}
		}
		next.markers[group] = m.text
		if m.since.After(next.since) {
			next.since = m.since
		}
		if m.why == "empty" || m.why == "restarted" {
			lost = m.why
		}
	}
	s.adopt(known, next, lost)
	s.verified.Store(dialled)
	return nil
}

// adopt makes next what is known of the server, and logs what that means.
func (s *Server) adopt(known, next *epoch, lost string) {
	if known != nil && known.since.After(next.since) {
		next.since = known.since // one node's clock may be ahead of another's
	}
	s.epoch.Store(next)
	switch {
	case known == nil && lost == "":
	case known == nil:
		s.cfg.Log.Info("the store has no records of before", "store", s.String(), "state", lost, "complete-since", next.since)
	case next.since.After(known.since):
		s.cfg.Log.Warn("the store may have lost records", "store", s.String(), "state", lost, "complete-since", next.since,
			"note", "authenticators and messages made before that time are refused",
			"cure", "give the store replicas and set replay-durability, or let it write each change to its disk")
	}
}

// A mark is the marker of a group, as the server has it.
type mark struct {
	text, why string
	since     time.Time
	clock     int64 // the server's, in microseconds
	evicts    string
}

func (s *Server) mark(ctx context.Context, c valkey.Client, group int) (m mark, err error) {
	waits := "0"
	if s.cfg.Replicas > 0 {
		waits = "1"
	}
	args := []string{format(s.now()), format(s.now() - s.lastKept.Load()), waits, randomText(),
		format(maxDrift.Microseconds())}
	reply, err := markScript.Exec(ctx, c, []string{s.markerKey(group)}, args).ToArray()
	if err != nil {
		return m, err
	}
	var text [5]string
	for i := range min(len(reply), len(text)) {
		if text[i], err = reply[i].ToString(); err != nil {
			return m, err
		}
	}
	since, err1 := strconv.ParseInt(text[1], 10, 64)
	clock, err2 := strconv.ParseInt(text[3], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return m, errOwn{fmt.Errorf("the store's key %s is not what we write: remove it", s.markerKey(group))}
	}
	return mark{text: text[0], why: text[2], since: time.UnixMicro(since), clock: clock, evicts: text[4]}, nil
}

func format(n int64) string { return strconv.FormatInt(n, 10) }

// newScript returns a script that is sent with each call: whoever names it by its
// SHA-1 has to compute that, which FIPS 140-3 does not allow.
func newScript(text string) *valkey.Lua { return valkey.NewLuaScriptNoSha(text) }
