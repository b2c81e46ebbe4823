package kdc_test

import "github.com/wssgate/wssgate/kerberos/internal/kerberostest"

// What the tests of several packages share.
const (
	service         = kerberostest.Service
	other           = kerberostest.Other
	initiatorScript = kerberostest.InitiatorScript
)

var (
	fixedTime   = kerberostest.FixedTime
	wantRefusal = kerberostest.WantRefusal
	mitEnctypes = kerberostest.MITEnctypes
	newClient   = kerberostest.NewClient
	mustAccept  = kerberostest.MustAccept
)
