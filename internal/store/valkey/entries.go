package valkey

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/wssgate/wssgate/internal/store"
)

// EntriesConfig configures [Entries]. The zero value is ready.
type EntriesConfig struct {
	// MaxEntries bounds the entries of all nodes. 0: 100,000.
	MaxEntries int
	// MaxEntryBytes bounds one entry. 0: 64 KiB. One of more than 4 KiB counts as
	// one for each 4 KiB.
	MaxEntryBytes int
	// ClientEntries bounds the entries of one client. 0: 1/16 of MaxEntries, at
	// least one. The clients of one IPv6 /48 have four times as much together.
	ClientEntries int
	// Time returns the current time. Nil: that of the Server.
	Time func() time.Time
}

// Entries are kept by id, each until a time, for all nodes. Nothing that is live
// is evicted: when there is no room, or a client has its share, Add and Swap fail
// with a [store.FullError]. Those that were read are held in memory until the
// server says that they have changed. They are safe for concurrent use.
type Entries struct {
	server *Server
	prefix string // of keys
	cfg    EntriesConfig
}

// entryUnit is the most octets that count as one entry.
const entryUnit = 4 << 10

// headerLen is how long the part of a value is that is not the entry: until when
// it is good, in microseconds, and the shares that it counts against.
const (
	timeLen   = 16
	shareLen  = 16
	headerLen = timeLen + 2*shareLen
)

// Kinds of entries.
const (
	Contexts     = 'c' // security contexts and HTTP sessions
	Negotiations = 'n' // in progress
	Tokens       = 'k' // that were accepted, and are named by their hash
)

// Entries returns the entries of a kind.
func (s *Server) Entries(kind byte, cfg EntriesConfig) *Entries {
	cfg.MaxEntries, cfg.MaxEntryBytes = cmp.Or(cfg.MaxEntries, 100_000), cmp.Or(cfg.MaxEntryBytes, 64<<10)
	cfg.ClientEntries = cmp.Or(cfg.ClientEntries, max(cfg.MaxEntries/16, 1))
	if cfg.Time == nil {
		cfg.Time = s.cfg.Time
	}
	return &Entries{s, "{" + s.cfg.Prefix + ":" + string(kind) + "}", cfg}
}

// digest returns what stands for a text on the server.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return string(sum[:shareLen])
}

func (e *Entries) now() int64 { return e.cfg.Time().UnixMicro() }

func (e *Entries) key(id string) string { return e.prefix + "e" + digest(id) }

// addScript enters a value. Keys: of the entry, of all, of the client, of its
// network. Arguments: now, the value, its life in milliseconds, how many entries
// it counts as, and how many there may be in each of the sets; 0: there is no such
// set.
const addScript = `
local now, value, px, weight = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local old = redis.call('GETRANGE', KEYS[1], 0, 15)
if old ~= '' and old > now then return {0, 0} end
for i = 2, 4 do
	local most = tonumber(ARGV[3 + i])
	if most > 0 then
		redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
		local n = redis.call('ZCARD', KEYS[i])
		if n + weight > most then return {i, n} end
	end
end
redis.call('SET', KEYS[1], value, 'PX', px)
local name, score = string.sub(KEYS[1], -16), string.sub(value, 1, 16)
for i = 2, 4 do
	if tonumber(ARGV[3 + i]) > 0 then
		for n = 1, weight do redis.call('ZADD', KEYS[i], score, name .. n) end
		redis.call('PEXPIRE', KEYS[i], math.max(px, redis.call('PTTL', KEYS[i])))
	end
end
return {1, 0}
`

// changeScript replaces or removes a value. Keys: of the entry, of all. Arguments:
// now, what is to be done, the beginning of the keys of shares, octets that are
// expected, new time and octets, their life in milliseconds, how many entries they
// count as, the most entries of all, of the client, of its network.
const changeScript = `
local now, take = ARGV[1], ARGV[2] == 'take'
local value = redis.call('GET', KEYS[1])
if not value or string.sub(value, 1, 16) <= now then return {0, ''} end
local octets = string.sub(value, 49)
if not take and octets ~= ARGV[4] then return {0, ''} end
local name, weight = string.sub(KEYS[1], -16), math.max(1, math.ceil(#octets / 4096))
local sets = {KEYS[2], ARGV[3] .. string.sub(value, 17, 32)}
if string.sub(value, 33, 48) ~= string.rep('\0', 16) then sets[3] = ARGV[3] .. string.sub(value, 33, 48) end
local px, weightNow = 0, 0
if not take then px, weightNow = tonumber(ARGV[7]) or 0, tonumber(ARGV[8]) end
if px > 0 and weightNow > weight then
	for i, set in ipairs(sets) do
		redis.call('ZREMRANGEBYSCORE', set, '-inf', now)
		local n = redis.call('ZCARD', set)
		if n + weightNow - weight > tonumber(ARGV[8 + i]) then return {i + 1, n} end
	end
end
if px > 0 then
	redis.call('SET', KEYS[1], ARGV[5] .. string.sub(value, 17, 48) .. ARGV[6], 'PX', px)
else
	redis.call('DEL', KEYS[1])
	weightNow = 0
end
for _, set in ipairs(sets) do
	for n = 1, weightNow do redis.call('ZADD', set, ARGV[5], name .. n) end
	for n = weightNow + 1, weight do redis.call('ZREM', set, name .. n) end
	if px > 0 then redis.call('PEXPIRE', set, math.max(px, redis.call('PTTL', set))) end
end
return {1, octets}
`

// Add enters a copy of octets under id until expires, unless there is an entry. It
// counts against the share of client. The error is a *store.FullError when there
// is no room.
func (e *Entries) Add(ctx context.Context, id string, octets []byte, client string, expires time.Time) (bool, error) {
	if err := e.checkSize(octets); err != nil {
		return false, err
	}
	network, perNetwork := store.NetworkOf(client), 0
	share := string(make([]byte, shareLen))
	if network != "" {
		share, perNetwork = digest(network), networkShares*e.cfg.ClientEntries
	}
	now := e.now()
	value := timeText(expires) + digest(client) + share + string(octets)
	keys := []string{e.key(id), e.prefix + "all", e.shareKey(digest(client)), e.shareKey(share)}
	args := []string{timeTextOf(now), value, cmp.Or(e.life(now, expires), "1"), weight(octets),
		strconv.Itoa(e.cfg.MaxEntries), strconv.Itoa(e.cfg.ClientEntries), strconv.Itoa(perNetwork)}
	done, _, err := e.run(ctx, addScript, keys, args)
	return done, err
}

// networkShares is how many shares of a client a network has, as of store.Memory.
const networkShares = 4

func (e *Entries) shareKey(share string) string { return e.prefix + "s" + share }

// Get returns the entry under id, nil without one. One that was read before is
// returned from memory.
func (e *Entries) Get(ctx context.Context, id string) (octets []byte, err error) {
	return e.get(ctx, id, func(ctx context.Context, c valkey.Client) valkey.ValkeyResult {
		return c.DoCache(ctx, c.B().Get().Key(e.key(id)).Cache(), cacheFor)
	})
}

// Current is as Get, of the server itself: that another node has changed an entry,
// whoever holds it in memory hears a moment later.
func (e *Entries) Current(ctx context.Context, id string) (octets []byte, err error) {
	e.server.caches.drop(e.key(id))
	return e.get(ctx, id, func(ctx context.Context, c valkey.Client) valkey.ValkeyResult {
		return c.Do(ctx, c.B().Get().Key(e.key(id)).Build())
	})
}

func (e *Entries) get(ctx context.Context, id string, ask func(context.Context, valkey.Client) valkey.ValkeyResult) (
	octets []byte, err error) {
	err = e.server.read(ctx, func(ctx context.Context, c valkey.Client) error {
		reply := ask(ctx, c)
		value, err := reply.AsBytes()
		if err == nil && len(value) >= headerLen && string(value[:timeLen]) > timeTextOf(e.now()) {
			octets = bytes.Clone(value[headerLen:])
		}
		return ignoreNil(err)
	})
	return octets, err
}

// cacheFor is how long an entry is held in memory without having changed.
const cacheFor = time.Hour

// Swap puts a copy of octets in the place of the entry under id, good until
// expires, if that entry equals old. The error is a *store.FullError when the new
// entry counts for more and there is no room.
func (e *Entries) Swap(ctx context.Context, id string, old, octets []byte, expires time.Time) (bool, error) {
	if err := e.checkSize(octets); err != nil {
		return false, err
	}
	now, key := e.now(), e.key(id)
	args := []string{timeTextOf(now), "swap", e.prefix + "s", string(old), timeText(expires), string(octets),
		e.life(now, expires), weight(octets), strconv.Itoa(e.cfg.MaxEntries), strconv.Itoa(e.cfg.ClientEntries),
		strconv.Itoa(networkShares * e.cfg.ClientEntries)}
	done, _, err := e.run(ctx, changeScript, []string{key, e.prefix + "all"}, args)
	e.server.caches.drop(key) // it is not what was expected, or not any more
	return done, err
}

// Take returns the entry under id and removes it, nil without one.
func (e *Entries) Take(ctx context.Context, id string) ([]byte, error) {
	key := e.key(id)
	args := []string{timeTextOf(e.now()), "take", e.prefix + "s"}
	done, octets, err := e.run(ctx, changeScript, []string{key, e.prefix + "all"}, args)
	e.server.caches.drop(key)
	if !done || err != nil {
		return nil, err
	}
	return octets, nil
}

// Len returns how many entries there are on the server, or how many it had when it
// was last asked with success. One that counts for several is counted as often.
func (e *Entries) Len() int {
	n := int64(0)
	_ = e.server.read(context.Background(), func(ctx context.Context, c valkey.Client) (err error) {
		n, err = c.Do(ctx, c.B().Zcount().Key(e.prefix+"all").Min("("+timeTextOf(e.now())).Max("+inf").Build()).AsInt64()
		return err
	})
	return int(n)
}

// run runs a script and returns what it says: done, with octets, or why not. What it
// has changed counts when all replicas have it that are waited for.
func (e *Entries) run(ctx context.Context, script string, keys, args []string) (
	done bool, octets []byte, err error) {
	s := e.server
	err = s.write(ctx, func(ctx context.Context, c valkey.Client) error {
		begun := s.now()
		call := c.B().Eval().Script(script).Numkeys(int64(len(keys))).Key(keys...).Arg(args...).Build()
		replies := s.doMulti(ctx, c, call)
		reply, err := replies[0].ToArray()
		if err != nil {
			return err
		}
		if len(reply) != 2 {
			return errOwn{fmt.Errorf("a reply with %d parts", len(reply))}
		}
		switch code, err := reply[0].AsInt64(); {
		case err != nil:
			return err
		case code > 1:
			n, _ := reply[1].AsInt64()
			return errOwn{full(code, n)}
		case code == 0:
			return nil
		}
		done = true
		octets, _ = reply[1].AsBytes()
		return s.onReplicas(replies, begun)
	})
	return done && err == nil, bytes.Clone(octets), unwrapOwn(err)
}

// full returns the error for a set that has no room, by its place among the keys.
func full(set, n int64) error {
	cause := map[int64]string{
		2: "the store holds %d entries, all live",
		3: "this client has %d entries, all live, which is its share",
		4: "the network of this client has %d entries, all live, which is its share",
	}[set]
	return &store.FullError{Cause: fmt.Sprintf(cause, n)}
}

func unwrapOwn(err error) error {
	if own, ok := err.(errOwn); ok {
		return own.error
	}
	return err
}

func (e *Entries) checkSize(octets []byte) error {
	if len(octets) > e.cfg.MaxEntryBytes {
		return fmt.Errorf("store: an entry of %d octets; one may have %d", len(octets), e.cfg.MaxEntryBytes)
	}
	return nil
}

// weight returns how many entries octets count as.
func weight(octets []byte) string { return strconv.Itoa(max(1, (len(octets)+entryUnit-1)/entryUnit)) }

// life returns for how many milliseconds the server keeps what is good until
// expires: "" if that has passed.
func (e *Entries) life(now int64, expires time.Time) string {
	left := time.Duration(expires.UnixMicro()-now) * time.Microsecond
	if left <= 0 {
		return ""
	}
	return format((left + drift).Milliseconds())
}

// timeText returns a time in microseconds since 1970, in 16 digits: later times
// are greater texts.
func timeText(t time.Time) string { return timeTextOf(t.UnixMicro()) }

func timeTextOf(micros int64) string { return fmt.Sprintf("%016d", max(micros, 0)) }
