package assembly

import (
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
)

// ReplayStores remember what was accepted, for all routes.
type ReplayStores struct {
	// Tickets has the authenticators of tickets, and may be a journal.
	Tickets gss.ReplayStore
	// Messages has signature values. Memory is enough: after a restart a
	// message is refused for its ticket, or because its token is not known.
	Messages wssec.ReplayCache
}

// MemoryReplay returns stores that forget with the process.
func MemoryReplay(cfg *config.Config) ReplayStores {
	entries := replay.MemoryConfig{MaxEntries: replayEntries(cfg)}
	return ReplayStores{Tickets: replay.NewMemory(entries), Messages: replay.NewMemory(entries)}
}

// replayEntries is how many records each of the two stores may have.
func replayEntries(cfg *config.Config) int {
	return int(cfg.ReplayMemory / 2 / replay.EntryBytes)
}

// openReplay opens the journal, or logs what doing without it means.
func openReplay(cfg *config.Config, log *slog.Logger) (stores ReplayStores, closeStores func(), err error) {
	stores = MemoryReplay(cfg)
	if !cfg.ReplayJournal {
		log.Warn("no replay journal", "risk", replay.Risk(stores.Tickets, cfg.ClockSkew),
			"cure", "set replay-journal, and a state-dir that is kept over restarts")
		return stores, func() {}, nil
	}
	dir, err := stateDir(cfg)
	if err != nil {
		return stores, nil, err
	}
	journal, err := replay.OpenJournal(filepath.Join(dir, "replay"), replay.JournalConfig{MaxEntries: replayEntries(cfg)})
	if errors.Is(err, replay.ErrFull) {
		return stores, nil, cfg.Refuse(-1, "replay-memory", "is too small for the records of the replay journal that are still live", "raise it, or wait until they have expired")
	}
	if err != nil {
		return stores, nil, cfg.Refuse(-1, "state-dir", err.Error(), "give each process a state-dir of its own, or --no-replay-journal to do without")
	}
	found := journal.Recovery()
	log.Info("replay journal", "dir", dir, "restored", found.Restored, "files", found.Files, "torn", found.Torn, "gap", found.Gap.String())
	if risk := replay.Risk(journal, cfg.ClockSkew); risk != "" {
		log.Warn("risk of replay", "damaged", found.Damaged, "complete-since", journal.CompleteSince(), "risk", risk,
			"cure", "keep "+dir+" over restarts, in a container on a volume; nothing else is to be done")
	}
	stores.Tickets = journal
	return stores, func() {
		if err := journal.Close(); err != nil {
			log.Error("closing the replay journal", "error", err.Error())
		}
	}, nil
}
