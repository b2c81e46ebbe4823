package assembly

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/stores"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
)

// ReplayStores holds the replay stores that all routes share.
type ReplayStores struct {
	// Tickets records the authenticators of tickets. It may be a journal.
	Tickets gss.ReplayStore
	// Messages records signature values. It may be in memory: after a restart a
	// message is refused for its ticket, because its token is not known, or because
	// its context is older than the records.
	Messages wssec.ReplayCache

	// skews is the file of what ticketRecords have to know at the next start; "" if
	// Tickets ends with the process.
	skews string
	// stores are those of routes that share theirs with other nodes; nil without any.
	stores *stores.Stores
}

// MemoryReplay returns stores whose records end with the process.
func MemoryReplay(cfg *config.Config) ReplayStores {
	entries := replay.MemoryConfig{MaxEntries: replayEntries(cfg)}
	return ReplayStores{Tickets: replay.NewMemory(entries), Messages: replay.NewMemory(entries)}
}

// replayEntries returns how many records each of the two stores may hold.
func replayEntries(cfg *config.Config) int {
	return int(cfg.ReplayMemory / 2 / replay.EntryBytes)
}

// openReplay opens the journal or, if there is to be none, logs the risk.
func openReplay(cfg *config.Config, log *slog.Logger) (own ReplayStores, closeStores func(), err error) {
	own = MemoryReplay(cfg)
	if !cfg.ReplayJournal {
		log.Warn("no replay journal", "risk", replay.Risk(own.Tickets, cfg.ClockSkew),
			"cure", "set replay-journal, and a state-dir that is kept over restarts")
		return own, func() {}, nil
	}
	dir, err := stateDir(cfg)
	if err != nil {
		return own, nil, err
	}
	journal, err := replay.OpenJournal(filepath.Join(dir, "replay"), replay.JournalConfig{MaxEntries: replayEntries(cfg)})
	if errors.Is(err, replay.ErrFull) {
		return own, nil, cfg.Refuse(-1, "replay-memory",
			"is too small for the live records of the replay journal", "raise it, or wait until they have expired")
	}
	if err != nil {
		cure := "give each process a state-dir of its own, or --no-replay-journal to run without a journal"
		if errors.Is(err, syscall.ENOSPC) {
			cure = "make room on its disk"
		}
		return own, nil, cfg.Refuse(-1, "state-dir", err.Error(), cure)
	}
	found := journal.Recovery()
	log.Info("replay journal", "dir", dir, "restored", found.Restored, "files", found.Files,
		"torn", found.Torn, "gap", found.Gap.String())
	if risk := replay.Risk(journal, cfg.ClockSkew); risk != "" {
		log.Warn("risk of replay", "damaged", found.Damaged, "complete-since", journal.CompleteSince(), "risk", risk,
			"cure", "keep "+dir+" over restarts, on a volume if this is a container; there is nothing else to do")
	}
	own.Tickets, own.skews = journal, filepath.Join(dir, "clock-skew.json")
	return own, func() {
		if err := journal.Close(); err != nil {
			log.Error("closing the replay journal", "error", err.Error())
		}
	}, nil
}

// ticketRecords are the records of accepted tickets, for acceptors of one clock
// skew after the other. The skew is for how long an authenticator is accepted, and
// recorded.
type ticketRecords struct {
	store gss.ReplayStore
	file  string // that state is kept in; "" for none
	log   *slog.Logger
	now   func() time.Time

	mu    sync.Mutex
	state skews
}

// skews are the clock skews of acceptors.
type skews struct {
	Longest time.Duration `json:"longest"` // so far, in this process; 0 before the first
	Raised  []raise       `json:"raised"`
}

// largestSkew is the most that clock-skew may be.
const largestSkew = time.Hour

// A raise is a time at which the longest skew became longer. An authenticator made
// before Until may have been recorded for no longer than Skew, the one before.
type raise struct {
	Until time.Time     `json:"until"`
	Skew  time.Duration `json:"skew"`
}

func newTicketRecords(s ReplayStores, log *slog.Logger, now func() time.Time) *ticketRecords {
	if now == nil {
		now = time.Now
	}
	return &ticketRecords{store: s.Tickets, file: s.skews, log: log, now: now}
}

// of returns the records for acceptors of a skew, those of the process or, if it
// is not nil, in a store. From now on all acceptors record for the longest one.
func (t *ticketRecords) of(skew time.Duration, shared gss.ReplayStore) gss.ReplayStore {
	const underWay = time.Minute // more than it takes to record what has just been accepted
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.state.Longest == 0
	if first {
		t.load()
	}
	before := t.state.Longest
	if skew > before && before > 0 {
		t.state.Raised = append(t.state.Raised, raise{t.now().Add(before + underWay), before})
	}
	if first || skew > before { // those of an earlier process have ended
		t.state.Longest = skew
		t.save()
	}
	if shared == nil {
		shared = t.store
	}
	return ticketsOf{t, shared, skew}
}

// load reads what an earlier process has left. Without it nothing is known of its
// skew, as at the first start.
func (t *ticketRecords) load() {
	if t.file == "" {
		return
	}
	octets, err := os.ReadFile(t.file)
	if err == nil {
		err = json.Unmarshal(octets, &t.state)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.state = skews{}
		t.failed(err)
	}
}

// save writes the file anew, whole or not at all.
func (t *ticketRecords) save() {
	if t.file == "" {
		return
	}
	t.state.Raised = slices.DeleteFunc(t.state.Raised, func(r raise) bool {
		return t.now().After(r.Until.Add(largestSkew)) // no skew accepts those of before
	})
	octets, err := json.Marshal(t.state)
	if err == nil {
		err = os.WriteFile(t.file+".new", octets, 0o600)
	}
	if err == nil {
		err = os.Rename(t.file+".new", t.file)
	}
	if err != nil {
		t.failed(err)
	}
}

func (t *ticketRecords) failed(err error) {
	t.log.Warn("risk of replay", "error", err.Error(), "risk",
		"tokens that were accepted under a smaller clock-skew may be accepted again when it is raised by a restart",
		"cure", "mend the file, or its directory")
}

// completeFrom returns made, or, if an authenticator made then may have been
// accepted and forgotten, the time from which on none was.
func (t *ticketRecords) completeFrom(made time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.state.Raised {
		if from := t.now().Add(-r.Skew); made.Before(r.Until) && made.Before(from) {
			made = from
		}
	}
	return made
}

// ticketsOf are the records of acceptors of a skew. They implement
// [gss.ClientReplayStore] and [gss.ReplayHistory].
type ticketsOf struct {
	*ticketRecords
	store gss.ReplayStore
	skew  time.Duration
}

// Add is AddFor for nobody.
func (t ticketsOf) Add(ctx context.Context, id [32]byte, expires time.Time) (bool, error) {
	return t.store.Add(ctx, id, t.expires(expires))
}

// AddFor records id for as long as any acceptor may accept it.
func (t ticketsOf) AddFor(ctx context.Context, client string, id [32]byte, expires time.Time) (bool, error) {
	if s, ok := t.store.(gss.ClientReplayStore); ok {
		return s.AddFor(ctx, client, id, t.expires(expires))
	}
	return t.Add(ctx, id, expires)
}

func (t ticketsOf) expires(at time.Time) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return at.Add(t.state.Longest - t.skew)
}

// CompleteFrom is that of the store, and of what was raised.
func (t ticketsOf) CompleteFrom(made time.Time) time.Time {
	if h, ok := t.store.(gss.ReplayHistory); ok {
		made = h.CompleteFrom(made)
	}
	return t.completeFrom(made)
}
