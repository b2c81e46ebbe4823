package gss_test

import "github.com/wssgate/wssgate/kerberos/internal/kerberostest"

// What the tests of several packages share.
const (
	service         = kerberostest.Service
	other           = kerberostest.Other
	initiatorScript = kerberostest.InitiatorScript
)

var (
	allEtypes    = kerberostest.AllEtypes
	now          = kerberostest.Now
	fixedTime    = kerberostest.FixedTime
	newKDC       = kerberostest.NewKDC
	newAcceptor  = kerberostest.NewAcceptor
	mustToken    = kerberostest.MustToken
	code         = kerberostest.Code
	wantRefusal  = kerberostest.WantRefusal
	mitEnctypes  = kerberostest.MITEnctypes
	newClient    = kerberostest.NewClient
	mustAccept   = kerberostest.MustAccept
	passwordKeys = kerberostest.PasswordKeys
	readRecorded = kerberostest.ReadRecorded
)
