package assembly

import (
	"context"
	"log/slog"

	"github.com/wssgate/wssgate/internal/config"
	"github.com/wssgate/wssgate/internal/doctor"
)

// A Program is what [Serve] runs. Settings and Log are required.
type Program struct {
	Settings *config.Config
	Load     Load // at SIGHUP; nil: settings are not loaded again
	// ConfigFile is the file of Load, which is followed; "" for none.
	ConfigFile string
	Version    string // in one line
	Log        *slog.Logger
	// Level is that of Log, which the operator may set. Nil: it stays as it is.
	Level *slog.LevelVar
	// Doctor checks what the gateway needs, for the operator. Nil: nobody does.
	Doctor func(context.Context) doctor.Report
}

func (p *Program) level() *slog.LevelVar {
	if p.Level == nil {
		return new(slog.LevelVar)
	}
	return p.Level
}
