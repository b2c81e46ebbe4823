package main

type verifyCmd struct{}

func (verifyCmd) Run(s *streams) error { return nil }
