package ccache_test

import "github.com/wssgate/wssgate/kerberos/internal/kerberostest"

// What the tests of several packages share.
const (
	service         = kerberostest.Service
	initiatorScript = kerberostest.InitiatorScript
)

var (
	wantRefusal = kerberostest.WantRefusal
	newClient   = kerberostest.NewClient
)
