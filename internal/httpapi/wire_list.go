package httpapi

import "github.com/cloudconnect-iac/terraform-provider-vcc/internal/vcc"

// wireList is one page of a list.
type wireList[T any] struct {
	Data       []T            `json:"data"`
	Pagination wirePagination `json:"pagination"`
}

// wirePagination says which part of a list a page is.
type wirePagination struct {
	Total int `json:"total"`
	Count int `json:"count"`
	Skip  int `json:"skip"`
	Limit int `json:"limit"`
	// Next is there where a list takes it, unless this is the last page.
	Next string `json:"next,omitempty" doc:"What to send as after with the next page"`
}

func newWireList[T any](data []T, total int, page vcc.Page) wireList[T] {
	return wireList[T]{Data: data, Pagination: wirePagination{Total: total, Count: len(data), Skip: page.Skip, Limit: page.Limit}}
}
