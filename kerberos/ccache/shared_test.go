package ccache_test

import "github.com/wssgate/wssgate/kerberos/internal/kerberostest"

// What tests of several rooms share.
const (
	service         = kerberostest.Service
	initiatorScript = kerberostest.InitiatorScript
)

var (
	wantRefusal  = kerberostest.WantRefusal
	newInitiator = kerberostest.NewClient
)
