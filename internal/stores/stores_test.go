package stores_test

import (
	"github.com/wssgate/wssgate/internal/store/valkey"
	"github.com/wssgate/wssgate/internal/stores"
	"github.com/wssgate/wssgate/kerberos/gss"
	"github.com/wssgate/wssgate/kerberos/negotiate"
	"github.com/wssgate/wssgate/replay"
	"github.com/wssgate/wssgate/wssec"
)

// What is on a server satisfies the interfaces of those who use it.
var (
	_ wssec.SharedReplayCache = (*valkey.Records)(nil)
	_ gss.ClientReplayStore   = (*valkey.Records)(nil)
	_ gss.ReplayHistory       = (*valkey.Records)(nil)
	_ wssec.ContextStore      = (*valkey.Entries)(nil)
	_ negotiate.ContextStore  = (*valkey.Entries)(nil)
	_ wssec.TokenCache        = (*stores.Tokens)(nil)
	_ valkey.Local            = (*replay.Memory)(nil)
	_ valkey.Local            = (*replay.Journal)(nil)
)
